"""What names add to dnsmasq's configuration: root's helper accepts it and nothing beside it, and
dnsmasq serves the records."""

import socket
import struct
import subprocess

import pytest

from dhcp.files.sync import sync
from dhcp.files.targets import Target
from names.models import NamesOff, Record, Zone
from tests.dhcp.test_conf_helper import helper
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support import dns, require
from tests.support.dns import NXDOMAIN
from tests.support.named import name_server

pytestmark = [pytest.mark.django_db, require.mark("dnsmasq")]
RECORDS = [
    ("www", "CNAME", "web.corp.example"),
    ("@", "MX", "10 web.corp.example"),
    ("_imap._tcp", "SRV", "0 5 143 web.corp.example"),
    ("@", "TXT", "v=spf1 mx -all"),
    ("@", "CAA", "0 issue ca.example"),
]


@pytest.fixture
def target(settings, tmp_path, subnet, zone):
    settings.DNSMASQ_DIR, settings.DNSMASQ_DNS = tmp_path / "dnsmasq", None
    for name, kind, value in RECORDS:
        Record.objects.create(zone=zone, name=name, type=kind, value=value)
    return Target.from_settings()


def proposal(target):
    assert sync().good
    return target.conf.read_bytes()


def test_the_helper_and_dnsmasq_accept_the_lines(target, subnet):
    SubnetFactory(network="10.1.0.0/28", domain="lab.corp.example")
    SubnetFactory(network="10.2.0.0/23", domain="other.example")
    SubnetFactory(network="fd00:1::/48", domain="corp.example")
    SubnetFactory(network="10.3.0.0/32", domain="corp.example")
    NamesOff.objects.create(subnet=SubnetFactory(network="10.4.0.0/24", domain="corp.example"))
    data = proposal(target)
    assert helper.Grammar(target.directory, []).complaints(data) == []
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={target.conf}"], capture_output=True)
    assert done.returncode == 0, done.stderr
    lines = data.decode().splitlines()
    domains = [line for line in lines if line.startswith("domain=")]
    assert domains == [
        "domain=corp.example",
        "domain=other.example,10.2.0.0/23",
        "domain=corp.example,10.1.0.0/24,local",
        "domain=unnamed.ipmanager.internal,10.4.0.0/24",
        "domain=lab.corp.example,10.1.0.0/28,local",
        "domain=corp.example,10.3.0.0/32,local",
        "domain=corp.example,fd00:1::/48,local",
    ]
    assert {"dhcp-fqdn", "dhcp-ignore-names", "local=/corp.example/"} <= set(lines)
    assert f"addn-hosts={target.directory}/names" in lines


@pytest.mark.parametrize(
    "line",
    [
        "addn-hosts=/etc/shadow",
        "domain=corp.example,10.0.0.0/8,local,more",
        "domain=corp.example,eth0",
        "domain=corp.example",
        "local=/corp.example/192.0.2.1",
        "local=//",
        "cname=a.example,b.example,60",
        "cname=*.example,b.example",
        "mx-host=a.example,b.example,70000",
        "srv-host=_a._tcp.example,b.example,1,2",
        'txt-record=a.example,"x"',
        "txt-record=a.example,x#y",
        "caa-record=a.example,0,issue,ca,more",
        "caa-record=a.example,1,issue,ca",
        "dhcp-ignore-names=tag:!known",
        "expand-hosts",
    ],
)
def test_the_helper_refuses_anything_near_them(target, line):
    data = proposal(target) + line.encode() + b"\n"
    assert helper.Grammar(target.directory, []).complaints(data) != []


def test_dnsmasq_serves_the_records(target, settings, tmp_path):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    with name_server(settings, tmp_path) as ask:
        assert ask("www.corp.example") == ["10.1.0.5"]
        assert ask("_imap._tcp.corp.example", "SRV") == ["143 web.corp.example"]
        assert raw(ask.port, "corp.example", 16).endswith(b"\x0ev=spf1 mx -all")
        assert raw(ask.port, "corp.example", 257).endswith(b"\x00\x05issueca.example")
        assert b"\x00\x0a\x03web" in raw(ask.port, "corp.example", 15)


def raw(port, name, kind):
    """The whole packet of the answer to a question of any type."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect(("127.0.0.1", port))
        question = dns.encoded(name) + struct.pack("!HH", kind, 1)
        asking.send(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question)
        return asking.recv(4096)


def test_a_nested_subnet_has_its_own_reverse_names(settings, tmp_path, subnet):
    Zone.objects.create(name="lab.example")
    SubnetFactory(network="10.1.0.0/28", domain="lab.example")
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    ServerFactory(hostname="db", ip_address="10.1.0.50")
    with name_server(settings, tmp_path) as ask:
        assert (ask("web.lab.example"), ask("db.corp.example")) == (["10.1.0.5"], ["10.1.0.50"])
        assert (ask("web.corp.example"), ask.ptr("10.1.0.6")) == ([NXDOMAIN], [NXDOMAIN])
