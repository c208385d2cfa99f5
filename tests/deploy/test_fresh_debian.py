"""IPMANAGER_TEST_PROOF=1 (`make proof`): a fresh Debian 12 from a mirror, and systemd as its
process 1.

The units start what they shall and let it work, the path units lead to dnsmasq, sudo is a way where
it is chosen; and the Dockerfile's steps make what the container's entrypoint needs."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.deploy.conftest import BOOT, INSTALL, NAME, House, wait_for
from tests.deploy.test_container import stages
from tests.deploy.test_install import listing
from tests.deploy.test_privileges import COMMAND, REFUSED
from tests.support import require
from tests.support.by_hand import only
from tests.support.lab import Client
from tests.support.settings_file import ROOT
from tests.support.system import SOURCE, debootstrap, system

pytestmark = require.mark("overlay", "root")
in_proof = only(bool(os.environ.get("IPMANAGER_TEST_PROOF")) and connection.vendor == "sqlite")
MAC, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
FRESH = [
    "systemd-sysv",
    "dbus",
    "iproute2",
    "curl",
    "ca-certificates",
    "sudo",
]  # no more than a machine has at first


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The packages of requirements/run.txt, fetched by the machine's own pip."""
    place = tmp_path_factory.mktemp("wheels")
    lock = ["--require-hashes", "--requirement", str(ROOT / "requirements/run.txt")]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--dest", place, *lock], check=True
    )
    return place


@pytest.fixture(scope="module")
def debian_root(tmp_path_factory):
    """A fresh Debian 12."""
    require.part("debootstrap")
    root = tmp_path_factory.mktemp("debian") / "root"
    debootstrap(root, FRESH)
    (root / "usr/sbin/policy-rc.d").write_text(
        "#!/bin/sh\nexit 101\n"
    )  # whatever is installed here starts nothing
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    return root


@pytest.fixture(scope="module")
def said(debian_root, wheels, tmp_path_factory):
    """What the installation in the fresh root said; systemd did not run."""
    place = debian_root / "wheels"
    subprocess.run(["cp", "-r", wheels, place], check=True)
    with system(tmp_path_factory.mktemp("system"), debian_root, network=True, keep=True) as debian:
        told = debian.run(
            INSTALL, "--name", NAME, "--boot", BOOT, "--wheels", "/wheels", timeout=900
        ).stdout
        before = listing(debian)
        assert debian.run(INSTALL, "--wheels", "/wheels").stdout == "ipmanager: nothing to do\n"
        assert listing(debian) == before
    (debian_root / "usr/sbin/policy-rc.d").unlink()
    return told


@pytest.fixture(scope="module")
def booted(said, debian_root, tmp_path_factory):
    """The same root, started: nobody but systemd starts anything."""
    home = tmp_path_factory.mktemp("booted")
    with system(home, debian_root, boot=True) as debian, debian.cable(f"{BOOT}/24") as wire:
        house = House(debian, said, wire, "postgresql", home / "no log")
        wait_for(lambda: '"ok"' in house.curl("/readyz", check=False))
        yield house


def units(house, *words):
    return house.debian.run(
        "systemctl", "--no-pager", "--plain", "--no-legend", *words, check=False
    ).stdout


def served(house, client, mac, ip):
    answer = wait_for(lambda: client.acquire(mac), seconds=60)
    return (answer.type, answer.ip) == ("ACK", ip)


@in_proof
def test_systemd_runs_everything_and_a_reservation_is_served(booted):
    assert units(booted, "--failed") == ""
    running = units(
        booted, "list-units", "--state=running", "ipmanager*", "dnsmasq*", "nginx*", "postgresql@*"
    )
    assert {"ipmanager-service.service", "ipmanager-worker.service", "dnsmasq.service"} <= set(
        running.split()
    )
    assert "IPManager" in booted.curl("/admin/login/")
    subnet = json.loads(booted.api("subnets/", '{"network": "10.77.0.0/24"}'))
    booted.python(
        f"from dhcp.models import DhcpScope; DhcpScope.objects.create(subnet_id={subnet['id']})"
    )
    client = Client(booted.wire)
    try:
        booted.api(
            "servers/",
            json.dumps({"hostname": "web1", "mac_address": MAC, "ip_address": "10.77.0.9"}),
        )
        assert wait_for(lambda: served(booted, client, MAC, "10.77.0.9"), seconds=60)
        for n in range(20, 40):  # live, by the path unit: the configuration stays the same
            mac = f"02:00:00:00:00:{n:02x}"
            booted.api(
                "servers/",
                json.dumps({"hostname": f"s{n}", "mac_address": mac, "ip_address": f"10.77.0.{n}"}),
            )
            assert wait_for(
                lambda mac=mac, n=n: served(booted, client, mac, f"10.77.0.{n}"), seconds=60
            )
        first = units(booted, "show", "--property=MainPID", "--value", "dnsmasq")
        booted.debian.run("systemctl", "kill", "--signal=SIGKILL", "dnsmasq")
        wait_for(
            lambda: (
                units(booted, "show", "--property=MainPID", "--value", "dnsmasq")
                not in (first, "0\n")
            )
        )
        assert wait_for(lambda: served(booted, client, MAC, "10.77.0.9"), seconds=60)
    finally:
        client.close()
    assert booted.install_again() == "ipmanager: nothing to do\n"


@in_proof
def test_the_service_can_write_its_data_and_nothing_else(booted):
    """Seen from within the unit's own sandbox."""
    pid = units(booted, "show", "--property=MainPID", "--value", "ipmanager-service").strip()
    status = booted.debian.run("cat", f"/proc/{pid}/status").stdout
    assert (
        "NoNewPrivs:\t1" in status
        and "CapBnd:\t0000000000000000" in status
        and "Seccomp:\t2" in status
    )
    inside = [
        "nsenter",
        "--target",
        pid,
        "--mount",
        "--",
        "findmnt",
        "--noheadings",
        "--output",
        "OPTIONS",
        "--target",
    ]
    assert booted.debian.run(*inside, "/etc").stdout.startswith("ro")
    assert booted.debian.run(*inside, "/var/lib/ipmanager").stdout.startswith("rw")


@in_proof
def test_the_nightly_backup_works_in_its_sandbox(booted):
    booted.debian.run("systemctl", "start", "ipmanager-backup.service")
    made = booted.debian.run(
        "find", "/var/lib/ipmanager/backups", "-type", "f", "-printf", "%m %U\\n"
    ).stdout.split()
    assert made[0] == "600"
    assert "ipmanager-backup.timer" in units(booted, "list-timers")


@in_proof
def test_sudo_is_a_way_where_it_is_chosen(booted):
    booted.install_again("--reload", "sudo")
    client = Client(booted.wire)
    try:
        booted.api(
            "servers/",
            json.dumps({"hostname": "web2", "mac_address": OTHER, "ip_address": "10.77.0.10"}),
        )
        assert wait_for(lambda: served(booted, client, OTHER, "10.77.0.10"), seconds=60)
    finally:
        client.close()
    assert units(booted, "is-enabled", "ipmanager-reload.path") == "disabled\n"
    assert booted.debian.run("sudo", "-n", *COMMAND.split(), user="ipmanager").returncode == 0
    for words in REFUSED:
        assert booted.debian.run(
            "sh", "-fc", f"cd /tmp; sudo -n {words}", user="ipmanager", check=False
        ).returncode
    booted.install_again("--reload", "generation")
    assert booted.debian.run(
        "sudo", "-n", *COMMAND.split(), user="ipmanager", check=False
    ).returncode


@in_proof
def test_an_uninstallation_under_systemd_leaves_the_data(booted):
    booted.debian.run(INSTALL, "uninstall")
    assert "ipmanager" not in units(
        booted, "list-units", "--all", "--state=active,failed", "ipmanager-*"
    )
    assert (
        booted.debian.run(
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-Atc",
            "SELECT count(*) FROM hosts",
            "ipmanager_db",
        ).stdout.strip()
        != "0"
    )
    assert not booted.debian.path("/opt/ipmanager").exists()


ASK = """
import urllib.request
headers = {"Content-Type": "application/json"}
url = "http://127.0.0.1:9000/api/v1/ip/allocate"
asked = urllib.request.Request(url, b'{"vm_id": "srv-1"}', headers)
print(urllib.request.urlopen(asked).read().decode())
"""


@in_proof
def test_the_dockerfiles_steps_make_images_that_serve(debian_root, wheels, tmp_path):
    """The steps of its first stage in a fresh system; then, of the images that come of it, the one
    for ippool alone."""
    root = tmp_path / "image"
    debootstrap(root, ["ca-certificates"])
    subprocess.run(["cp", "-r", wheels, root / "wheels"], check=True)
    more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "DEBIAN_FRONTEND": "noninteractive"}
    with system(tmp_path / "home", root, network=True) as debian:
        for word, rest in stages()["build"]:
            if word == "RUN":
                debian.run("sh", "-ec", rest, more=more, timeout=900)
            elif word == "COPY":
                *names, target = rest.split()
                sources = " ".join(f"{SOURCE}/{name}" for name in names)
                debian.run("sh", "-ec", f"mkdir -p $(dirname {target}x); cp -r {sources} {target}")
        debian.run("rm", "-rf", "/image/web", "/opt/ipmanager")
    image = root / "image/ippool"
    size = sum(path.lstat().st_size for path in image.rglob("*") if not path.is_dir())
    assert size < 120e6
    settings = " ".join(rest for word, rest in stages()["ippool"] if word == "ENV").split()
    with system(tmp_path / "home-of-the-image", image) as debian:
        words = ["--port", "9000", "--network", "192.168.1", "--gateway", "192.168.1.1"]
        python = "/opt/ipmanager/.venv/bin/python"
        entrypoint = "/opt/ipmanager/deploy/container/entrypoint"
        serving = debian.start("env", *settings, entrypoint, *words, user="ipmanager")
        given = wait_for(lambda: debian.run(python, "-c", ASK, check=False).stdout)
        assert json.loads(given)["ip"] == "192.168.1.2"
        debian.end()
        serving.wait(30)
