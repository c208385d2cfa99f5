"""A new range from the ledger to a client: proposal, root's helper, a restarted dnsmasq, an
address."""

import os
import signal
import sys
from subprocess import run

import pytest

from dhcp.files.sync import sync
from dhcp.models import DhcpScope
from ipam.models import Pool, Server, Subnet
from tests.dhcp.test_conf_helper import HELPER
from tests.support.lab import laboratory

pytestmark = pytest.mark.django_db(transaction=True)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"

RESTART = """#!/bin/sh
    [ -s {pidfile} ] && pid=$(cat {pidfile}) && kill "$pid" &&
        while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    exec ip netns exec {namespace} dnsmasq --conf-file={conf}
"""


class Site:
    """dnsmasq as a distribution installs it: its own configuration, and a directory that others add
    to."""

    def __init__(self, lab, settings):
        self.lab, self.etc = lab, lab.home / "dnsmasq.d"
        self.etc.mkdir(mode=0o755)
        self.installed = settings.DNSMASQ_CONF = self.etc / "ipmanager.conf"
        self.conf, self.restart = lab.home / "site.conf", lab.home / "restart"
        ours = ("dhcp-range", "dhcp-hostsfile", "dhcp-optsfile", "addn-hosts", "dhcp-authoritative")
        lines = (lab.home / "dnsmasq.conf").read_text().splitlines()
        kept = [line for line in lines if not line.startswith(ours)]
        # Debian's own line: whatever else lies there is read, too.
        self.conf.write_text(
            "\n".join([*kept, f"conf-dir={self.etc},.dpkg-dist,.dpkg-old,.dpkg-new"]) + "\n"
        )
        self.restart.write_text(
            RESTART.format(pidfile=lab.pidfile, namespace=lab.server, conf=self.conf)
        )
        self.restart.chmod(0o755)

    def install(self):
        """What root's path unit runs."""
        command = [
            sys.executable,
            "-I",
            HELPER,
            f"--directory={self.lab.files}",
            f"--target={self.installed}",
            f"--restart={self.restart}",
            f"--pidfile={self.lab.pidfile}",
            "--settle=0.1",
        ]
        done = run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def stop(self):
        if self.lab.pidfile.exists() and (pid := int(self.lab.pidfile.read_text())):
            os.kill(pid, signal.SIGTERM)


@pytest.fixture
def site(settings, target):
    with laboratory() as lab:
        lab.stop()  # its configuration has our lines already
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        site = Site(lab, settings)
        assert run([site.restart]).returncode == 0
        yield site
        assert lab.complaints() == []
        site.stop()


def test_a_new_pool_is_proposed_installed_and_served(site):
    subnet = Subnet.objects.create(network="10.77.0.0/24", gateway="10.77.0.254")
    DhcpScope.objects.create(subnet=subnet, lease_time=600)
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    assert site.install()[0] == 0
    client = site.lab.client
    assert client.acquire(A).ip == "10.77.0.9" and client.discover(B, wait=0.3) is None

    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")

    assert site.install() == (0, "ipmanager-dnsmasq-conf: installed\n")
    told = client.acquire(B)
    assert told.ip.startswith("10.77.0.10") and told.options["lease_time"] == 600
    assert client.acquire(A).ip == "10.77.0.9"
    assert sync().good and site.install()[1] == "ipmanager-dnsmasq-conf: unchanged\n"


def test_a_configuration_with_which_dnsmasq_does_not_start_is_taken_back(site):
    subnet = Subnet.objects.create(network="10.77.0.0/24")
    DhcpScope.objects.create(subnet=subnet)
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    assert site.install()[0] == 0
    before = site.installed.read_bytes()
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")
    # What --test cannot see: dnsmasq opens its sockets and directories when it starts.
    options = "--tftp-root=/nowhere --enable-tftp"
    choke = f"grep -q 10.77.0.100 {site.installed} && set -- {options}\nexec ip netns"
    site.restart.write_text(
        site.restart.read_text().replace("exec ip netns", choke).replace(".conf\n", '.conf "$@"\n')
    )

    status, words = site.install()

    assert (status, "put back" in words, "/nowhere inaccessible" in words) == (4, True, True)
    assert site.installed.read_bytes() == before
    assert site.lab.client.acquire(A).ip == "10.77.0.9"
