"""deploy/install.sh: a fresh system becomes one that serves, a second run changes nothing, and it
can be undone."""

import json
from contextlib import contextmanager

import pytest
from django.db import connection

from tests.deploy.conftest import INSTALL, system_without_ipmanager, wait_for
from tests.support.by_hand import only
from tests.support.system import VENV

MAC = "02:00:00:00:00:0a"
PLACES = "/etc /opt /usr/local /var/lib/ipmanager"
LISTING = rf"""
    find {PLACES} -xdev \
        -regex '.*/ipmanager\(.sqlite3.*\|/ledger.json\|/dnsmasq/.*\)' -prune -o \
        -regex '.*/dnsmasq.d/\.?ipmanager.*' -prune -o \
        \( -type f -printf '%p %m %u:%g %s %T@ %C@\n' \) \
        -o -printf '%p %m %u:%g %l\n' | sort
"""


def listing(debian):
    """Every file that an installation may touch but those that a running site writes: mode, owner,
    size, times."""
    return debian.run("bash", "-c", LISTING).stdout.splitlines()


def names(debian):
    return {line.split(" ", 1)[0] for line in listing(debian)}


@pytest.fixture(scope="module")
def spare(tmp_path_factory):
    """A system on which nothing is started, and the files that it had before any installation."""
    with system_without_ipmanager(tmp_path_factory) as house:
        yield house, names(house.debian)


@pytest.fixture
def installed(spare):
    """The same with IPManager. An installation takes twenty seconds: the tests share it."""
    house, _before = spare
    if not house.debian.path("/opt/ipmanager").exists():
        house.install("--name", "ipam.test", "--database", "sqlite")
    return house


def test_the_first_page_and_the_first_reservation(started, scoped, machines):
    assert "IPManager" in started.curl("/admin/login/")
    started.api(
        "servers/", json.dumps({"hostname": "web1", "mac_address": MAC, "ip_address": "10.77.0.9"})
    )
    answer = wait_for(lambda: machines.acquire(MAC), started.log)
    assert (answer.type, answer.ip) == ("ACK", "10.77.0.9")


def test_a_second_run_changes_nothing(house):
    before = listing(house.debian)
    assert house.install() == "ipmanager: nothing to do\n"
    assert listing(house.debian) == before


@contextmanager
def told_systemctl(debian):
    """A systemd that runs, and whose systemctl only tells how it was called."""
    systemctl, called = debian.path("/usr/bin/systemctl"), debian.path("/tmp/called")
    debian.run("mkdir", "-p", "/run/systemd/system")
    systemctl.rename(f"{systemctl}.real")
    systemctl.write_text('#!/bin/sh\necho "$*" >> /tmp/called\n')
    systemctl.chmod(0o755)
    yield called
    called.unlink()
    systemctl.with_name("systemctl.real").rename(systemctl)
    debian.run("rmdir", "/run/systemd/system")


def test_a_setting_that_is_given_later_is_felt_at_once(installed):
    with told_systemctl(installed.debian) as called:
        installed.install("--name", "other.test")
        assert "restart ipmanager-service\n" in called.read_text()
        called.unlink()
        installed.install()
        assert "restart" not in called.read_text()


def test_a_link_of_the_services_user_leads_root_nowhere(installed):
    debian = installed.debian
    swap = "cd /var/lib/ipmanager && mv tftp away && ln -s /etc/nginx tftp"
    debian.run("sh", "-c", swap, user="ipmanager")
    done = debian.run(INSTALL, "--venv", VENV, check=False)
    assert done.returncode and "tftp does not belong to ipmanager" in done.stderr
    assert debian.run("stat", "--format=%U", "/etc/nginx").stdout == "root\n"
    debian.run("sh", "-c", "cd /var/lib/ipmanager && rm tftp && mv away tftp")


@only(connection.vendor == "sqlite")  # it does so whatever the database
def test_an_uninstallation_leaves_the_data_a_purge_nothing(installed, spare):
    debian, (_house, before) = installed.debian, spare
    settings = debian.path("/etc/ipmanager/environment").read_text()

    debian.run(INSTALL, "uninstall")
    left = names(debian) - before
    assert "/var/lib/ipmanager/ipmanager.sqlite3" in debian.run("find", "/var/lib/ipmanager").stdout
    assert left and all(path.startswith("/var/lib/ipmanager") for path in left)

    again = installed.install("--reload", "none")  # takes up what was left
    assert "password:" not in again
    changed = settings.replace("RELOAD=generation", "RELOAD=none")
    assert debian.path("/etc/ipmanager/environment").read_text() == changed

    release = debian.path("/opt/ipmanager/current").readlink()
    debian.run("mv", release, f"{release}-of-yesterday")
    debian.run("ln", "-sfn", f"{release}-of-yesterday", "/opt/ipmanager/current")
    # An upgrade saves what it is about to change.
    assert "backup: /var/lib/ipmanager/backups/" in installed.install()
    assert debian.run("ls", "/opt/ipmanager/releases").stdout == f"{release.name}\n"

    debian.run(INSTALL, "uninstall", "--purge")
    assert names(debian) == before
    assert debian.run("getent", "passwd", "ipmanager", check=False).returncode == 2


def test_a_python_that_the_service_cannot_run_is_refused(fresh):
    fresh.debian.run("python3", "-m", "venv", "--without-pip", "--copies", "/root/venv")
    fresh.debian.run("chmod", "700", "/root")
    done = fresh.debian.run(INSTALL, "--database", "sqlite", "--venv", "/root/venv", check=False)
    assert (
        done.returncode
        and "the user ipmanager cannot run its Python, /root/venv/bin/python" in done.stderr
    )
    assert not fresh.debian.path("/opt/ipmanager").exists()
