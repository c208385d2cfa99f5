"""`prepare`, and what a process of the site loads."""

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
