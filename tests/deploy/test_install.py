"""deploy/install.sh: a fresh system becomes one that serves, a second run changes nothing, and it
can be undone."""

import json

from django.db import connection

from tests.deploy.conftest import INSTALL, wait_for
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


def test_the_first_page_and_the_first_reservation(started, machines):
    assert "IPManager" in started.curl("/admin/login/")
    subnet = json.loads(started.api("subnets/", '{"network": "10.77.0.0/24"}'))
    started.python(
        f"from dhcp.models import DhcpScope; DhcpScope.objects.create(subnet_id={subnet['id']})"
    )
    started.api(
        "servers/", json.dumps({"hostname": "web1", "mac_address": MAC, "ip_address": "10.77.0.9"})
    )
    answer = wait_for(lambda: machines.acquire(MAC), started.log)
    assert (answer.type, answer.ip) == ("ACK", "10.77.0.9")


def test_a_second_run_changes_nothing(house):
    before = listing(house.debian)
    assert house.install() == "ipmanager: nothing to do\n"
    assert listing(house.debian) == before


@only(connection.vendor == "sqlite")  # it does so whatever the database
def test_an_uninstallation_leaves_the_data_a_purge_nothing(fresh):
    before = names(fresh.debian)
    fresh.install("--name", "ipam.test", "--database", "sqlite")
    settings = fresh.debian.path("/etc/ipmanager/environment").read_text()

    fresh.debian.run(INSTALL, "uninstall")
    left = names(fresh.debian) - before
    assert (
        "/var/lib/ipmanager/ipmanager.sqlite3"
        in fresh.debian.run("find", "/var/lib/ipmanager").stdout
    )
    assert left and all(path.startswith("/var/lib/ipmanager") for path in left)

    again = fresh.install("--reload", "none")  # takes up what was left
    assert "password:" not in again
    changed = settings.replace("RELOAD=generation", "RELOAD=none")
    assert fresh.debian.path("/etc/ipmanager/environment").read_text() == changed

    release = fresh.debian.path("/opt/ipmanager/current").readlink()
    fresh.debian.run("mv", release, f"{release}-of-yesterday")
    fresh.debian.run("ln", "-sfn", f"{release}-of-yesterday", "/opt/ipmanager/current")
    assert (
        "backup: /var/lib/ipmanager/backups/" in fresh.install()
    )  # an upgrade saves what it is about to change
    assert fresh.debian.run("ls", "/opt/ipmanager/releases").stdout == f"{release.name}\n"

    fresh.debian.run(INSTALL, "uninstall", "--purge")
    assert names(fresh.debian) == before
    assert fresh.debian.run("getent", "passwd", "ipmanager", check=False).returncode == 2


def test_a_link_of_the_services_user_leads_root_nowhere(fresh):
    fresh.install("--database", "sqlite")
    fresh.debian.run(
        "sh",
        "-c",
        "cd /var/lib/ipmanager && rmdir tftp && ln -s /etc/cron.d tftp",
        user="ipmanager",
    )
    fresh.debian.run("mkdir", "-p", "/etc/cron.d")
    done = fresh.debian.run(INSTALL, "--venv", VENV, check=False)
    assert done.returncode and "tftp does not belong to ipmanager" in done.stderr
    assert fresh.debian.run("stat", "--format=%U", "/etc/cron.d").stdout == "root\n"


def test_a_python_that_the_service_cannot_run_is_refused(fresh):
    fresh.debian.run("python3", "-m", "venv", "--without-pip", "--copies", "/root/venv")
    fresh.debian.run("chmod", "700", "/root")
    done = fresh.debian.run(INSTALL, "--database", "sqlite", "--venv", "/root/venv", check=False)
    assert (
        done.returncode
        and "the user ipmanager cannot run its Python, /root/venv/bin/python" in done.stderr
    )
    assert not fresh.debian.path("/opt/ipmanager").exists()


def test_a_setting_that_is_given_later_is_felt_at_once(fresh):
    """With a systemctl that tells how it was called."""
    fresh.install("--database", "sqlite", "--without", "nginx,dnsmasq")
    fresh.debian.run("mkdir", "-p", "/run/systemd/system")
    systemctl = fresh.debian.path("/usr/bin/systemctl")
    systemctl.unlink()
    systemctl.write_text('#!/bin/sh\necho "$*" >> /tmp/called\n')
    systemctl.chmod(0o755)
    fresh.install("--name", "other.test")
    assert "restart ipmanager-service\n" in fresh.debian.path("/tmp/called").read_text()
    fresh.debian.path("/tmp/called").unlink()
    fresh.install()
    assert "restart" not in fresh.debian.path("/tmp/called").read_text()
