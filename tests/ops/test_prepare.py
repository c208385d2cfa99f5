"""`prepare`, and what a process of the site loads."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from core.database import triggers
from ops import prepare
from tests.support.site import manage

COUNT = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.mark.django_db(transaction=True)
def test_a_start_with_nothing_to_migrate_installs_a_missing_trigger():
    whole = number_of_triggers()
    triggers.remove(connection, "dhcp")
    assert number_of_triggers() < whole

    prepare.migrate()

    assert number_of_triggers() == whole


def number_of_triggers():
    with connection.cursor() as cursor:
        cursor.execute(COUNT[connection.vendor])
        return cursor.fetchone()[0]


def test_a_command_loads_no_page(site_environment):
    code = "import sys; print({'ipmanager.urls', 'unfold.admin', 'psycopg'} & {*sys.modules})"
    assert manage(site_environment, "shell", "--no-imports", "-c", code).stdout == "set()\n"


def test_a_bad_setting_is_told_by_every_command(site_environment):
    environment = site_environment | {"IPMANAGER_DNSMASQ_RELOAD": "pidfile:relative"}
    refused = manage(environment, "populate_ipam")
    assert refused.returncode == 1
    assert "IPMANAGER_DNSMASQ_RELOAD" in refused.stderr


LEAVE = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1])
other.execute("SELECT count(*) FROM django_migrations").fetchone()
other.close()
"""


@pytest.mark.on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_another_process_that_ends_takes_no_log_away_from_one_that_has_prepared():
    """A file that is opened and closed beside SQLite ends SQLite's own locks on it."""
    connection.ensure_connection()
    name = connection.settings_dict["NAME"]
    log = Path(f"{name}-wal").stat().st_ino
    prepare.create_private_database()
    subprocess.run([sys.executable, "-c", LEAVE, str(name)], check=True)
    assert Path(f"{name}-wal").stat().st_ino == log
