"""What the service's user can do on an installed host: its own work, one signal, and nothing
else."""

import re
from pathlib import Path

import pytest

from tests.support import require

ROOTS = [
    "/etc/dnsmasq.d/ipmanager.conf",
    "/etc/dnsmasq.d/00-global.conf",
    "/etc/dnsmasq.d/new.conf",
    "/etc/dnsmasq.conf",
    "/etc/default/dnsmasq",
    "/etc/ipmanager/environment",
    "/etc/ipmanager/helpers",
    "/etc/ipmanager/new",
    "/usr/local/sbin/ipmanager-reload",
    "/usr/local/sbin/ipmanager-dnsmasq-conf",
    "/etc/sudoers.d/new",
    "/etc/systemd/system/ipmanager-service.service",
    "/etc/systemd/system/ipmanager-service.service.d/new.conf",
    "/opt/ipmanager/current/manage.py",
    "/opt/ipmanager/current/ipmanager/settings.py",
    "/opt/ipmanager/new",
    "/var/lib/misc/dnsmasq.leases",
    "/etc/nginx/sites-enabled/ipmanager",
    "/etc/nginx/snippets/ipmanager-proxy.conf",
]
SECRETS = [
    "/etc/shadow",
    "/etc/ipmanager/tls/key.pem",
    "/root/secret",
    "/etc/ipmanager-agent/token",
]
COMMAND = "systemctl kill -s SIGHUP dnsmasq"
REFUSED = [
    "systemctl kill -s SIGKILL dnsmasq",
    "systemctl kill -s SIGHUP dnsmasq.service",
    "systemctl kill -s SIGHUP nginx",
    "systemctl kill -s SIGHUP dnsmasq nginx",
    "systemctl kill -s SIGHUP dnsmasq --no-block",
    "systemctl kill -s SIGHUP",
    "systemctl kill dnsmasq",
    "systemctl kill -sSIGHUP dnsmasq",
    "systemctl kill --signal=SIGHUP dnsmasq",
    "systemctl --kill-who=all kill -s SIGHUP dnsmasq",
    "systemctl -H root@example.org kill -s SIGHUP dnsmasq",
    "systemctl -s SIGHUP kill dnsmasq",
    "systemctl kill -s SIGHUP dnsmas?",
    "systemctl kill -s SIGHUP *",
    "systemctl",
    "systemctl status dnsmasq",
    "systemctl restart dnsmasq",
    "systemctl edit dnsmasq",
    "systemctl link /tmp/evil.service",
    "/tmp/systemctl kill -s SIGHUP dnsmasq",
    "./systemctl kill -s SIGHUP dnsmasq",
    "/usr/bin/../bin/systemctl status",
    "-u postgres systemctl kill -s SIGHUP dnsmasq",
    "-g root systemctl kill -s SIGHUP dnsmasq",
    "--chroot=/tmp systemctl kill -s SIGHUP dnsmasq",
    "--chdir=/etc systemctl kill -s SIGHUP dnsmasq",
    "-E LD_PRELOAD=/tmp/evil.so systemctl kill -s SIGHUP dnsmasq",
    "LD_PRELOAD=/tmp/evil.so systemctl kill -s SIGHUP dnsmasq",
    "PATH=/tmp systemctl kill -s SIGHUP dnsmasq",
    "SYSTEMD_PAGER=/tmp/evil systemctl kill -s SIGHUP dnsmasq",
    "-s",
    "-i",
    "-e /etc/dnsmasq.conf",
    "sh -c id",
    "cat /etc/shadow",
    "env systemctl kill -s SIGHUP dnsmasq",
]
SUDOERS = Path(__file__).parents[2] / "deploy/sudoers.d/ipmanager"


@pytest.mark.parametrize("path", ROOTS)
def test_it_cannot_write_what_is_roots(house, path):
    done = house.debian.run("sh", "-c", f"echo x >> {path}", user="ipmanager", check=False)
    assert done.returncode
    assert re.search("Permission denied|nonexistent|No such file|Directory", done.stderr), (
        done.stderr
    )


@pytest.mark.parametrize(
    "directory",
    [
        "/etc/dnsmasq.d",
        "/etc/ipmanager",
        "/usr/local/sbin",
        "/opt/ipmanager",
        "/opt/ipmanager/current/",
    ],
)
def test_it_cannot_replace_what_is_roots(house, directory):
    done = house.debian.run("mktemp", "--tmpdir=" + directory, user="ipmanager", check=False)
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("path", SECRETS)
def test_it_cannot_read_secrets_of_others(house, path):
    house.debian.run(
        "sh",
        "-c",
        f"mkdir -p $(dirname {path}); [ -e {path} ] || (umask 077; echo secret > {path})",
    )
    assert (
        "Permission denied" in house.debian.run("cat", path, user="ipmanager", check=False).stderr
    )


def test_others_cannot_read_its_secrets(house):
    for path in (
        "/etc/ipmanager/environment",
        "/var/lib/ipmanager/secret_key",
        "/var/lib/ipmanager/ipmanager.sqlite3",
    ):
        if house.debian.path(path).exists():
            assert (
                "Permission denied"
                in house.debian.run("cat", path, user="nobody", check=False).stderr
            )
    assert (
        "Permission denied"
        in house.debian.run("ls", "/var/lib/ipmanager", user="nobody", check=False).stderr
    )


def test_dnsmasqs_user_and_nginxs_read_their_directories_only(house):
    house.debian.run("ls", "/var/lib/ipmanager/dnsmasq", user="dnsmasq")
    house.debian.run("ls", "/var/lib/ipmanager/boot", user="www-data")


@pytest.fixture(scope="module")
def sudo(house):
    """The seeds' way: sudo as the service's user. systemctl is one that tells how it was called."""
    require.part("sudo")
    place, systemctl = (
        house.debian.path("/etc/sudoers.d/ipmanager"),
        house.debian.path("/usr/bin/systemctl"),
    )
    place.parent.mkdir(exist_ok=True)
    place.write_text(SUDOERS.read_text())
    place.chmod(0o440)
    house.debian.run("visudo", "--check", "--quiet")
    systemctl.rename(systemctl.with_suffix(".kept"))
    for script in (systemctl, house.debian.path("/tmp/systemctl")):
        script.write_text('#!/bin/sh\necho "called $*"\n')
        script.chmod(0o755)
    yield lambda words: house.debian.run(
        "sh", "-fc", f"cd /tmp; exec sudo -n {words}", user="ipmanager", check=False
    )
    systemctl.with_suffix(".kept").rename(systemctl)
    place.unlink()


def test_sudo_grants_the_one_command(sudo):
    assert sudo(COMMAND).stdout == "called kill -s SIGHUP dnsmasq\n"


@pytest.mark.parametrize("words", REFUSED)
def test_sudo_grants_no_other(sudo, words):
    done = sudo(words)
    assert done.returncode
    assert "called" not in done.stdout and "uid=0" not in done.stdout


def test_without_the_sudoers_file_nothing_is_granted(sudo, house):
    place = house.debian.path("/etc/sudoers.d/ipmanager")
    aside = place.rename(place.with_name("aside~"))  # sudo reads no name with a tilde
    done = sudo(COMMAND)
    aside.rename(place)
    assert done.returncode and "called" not in done.stdout
