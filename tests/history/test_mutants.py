"""A checker that finds nothing proves nothing: each guard of the allocator is taken away, and its
check must say so."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.history.worlds import GUARDS
from tests.support import template
from tests.support.site import ROOT

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.on("postgresql"),  # SQLite's one guard is that one transaction writes at a time
]


@pytest.fixture(scope="module")
def worlds(django_db_setup, django_db_blocker, tmp_path_factory):
    """For each guard, with it and without it: what the checks found."""
    with django_db_blocker.unblock():
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
            "DATABASE_URL": template.url(connection.settings_dict["NAME"]),
            "IPMANAGER_DATA_DIR": str(tmp_path_factory.mktemp("worlds")),
            "IPMANAGER_POOL_NETWORK": "10.0.0.0/24",
            "IPMANAGER_POOL_GATEWAY": "10.0.0.254",
            "IPMANAGER_ALLOWED_HOSTS": "testserver",
            "IPMANAGER_DHCP_SYNC": "worker",
        }
        connection.close()  # a database that somebody uses cannot be copied
    command = [sys.executable, "-m", "tests.history.worlds"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return {
        (name, missing): faults
        for name, missing, faults in map(json.loads, done.stdout.splitlines())
    }


@pytest.mark.parametrize("guard", GUARDS)
def test_with_all_guards_every_check_is_content(worlds, guard):
    assert worlds[guard, False] == {}


@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_its_check_finds_the_fault(worlds, guard):
    assert GUARDS[guard].check in worlds[guard, True]
