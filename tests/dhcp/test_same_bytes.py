"""The same ledger makes the same bytes, from version to version: dnsmasq's files of a rich ledger
are compared with those in tests/data/dhcp/.

IPMANAGER_TEST_WRITE=1 writes them anew; read the difference before you commit it."""

import os
from pathlib import Path

import pytest

from dhcp.files.sync import sync
from dhcp.models import DhcpOption, DhcpScope, DhcpServer, HandEdit
from ipam.models import VRF, Interface, Pool, Server, Subnet

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "data" / "dhcp"
NAMES = ("hosts", "opts", "conf")


def mac(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def subnet(pk, network, **facts):
    return Subnet.objects.create(pk=pk, network=network, **facts)


def scope(pk, of, **facts):
    return DhcpScope.objects.create(pk=pk, subnet=of, **facts)


def many_servers(of, numbers):
    return [
        Server(hostname=f"node-{n}.example.org", mac_address=mac(n), ip_address=of.network[n])
        for n in numbers
    ]


def bad_servers():
    """What only raw SQL can write."""
    rows = [
        ("network", mac(0x9001), "10.1.0.0"),
        ("broadcast", mac(0x9002), "10.1.255.255"),
        ("nowhere", mac(0x9003), "192.0.2.9"),
    ]
    return [Server(hostname=name, mac_address=card, ip_address=ip) for name, card, ip in rows]


def make_rich():
    """Two IP versions, scopes of every kind, options, joined and left-out rows, other servers."""
    east = DhcpServer.objects.create(pk=3, name="east", site="east")
    office = subnet(11, "10.1.0.0/16", gateway="10.1.0.1", domain="example.org")
    lab = subnet(12, "10.2.0.0/24", gateway="10.2.0.1", dns_servers=["10.2.0.53", "fd00::53"])
    wire = subnet(13, "10.3.0.0/24")
    six = subnet(14, "fd00:0:0:6::/64", dns_servers=["fd00::53"], domain="six.example.org")
    tiny = subnet(15, "10.4.0.0/31")
    subnet(16, "10.5.0.0/24", site=east.site)
    Pool.objects.create(subnet=lab, first="10.2.0.100", last="10.2.0.150", kind="dhcp")
    Pool.objects.create(subnet=lab, first="10.2.0.160", last="10.2.0.170", kind="dhcp")
    Pool.objects.create(subnet=six, first="fd00:0:0:6::1000", last="fd00:0:0:6::1fff", kind="dhcp")
    scope(21, office, lease_time=3600, ntp_servers=["10.1.0.123"])
    known = scope(22, lab, known_only=True, boot_server="10.2.0.9", boot_file="pxelinux.0")
    scope(23, wire, wire=lab, interface="*", router="10.3.0.1", domain="Wire.Example.org")
    scope(24, six, by_end=True, advertises="managed", boot_file="http://[fd00::9]/boot")
    DhcpOption.objects.create(
        scope=known, type="text", number=252, value="http://wpad.example.org/wpad.dat"
    )
    DhcpOption.objects.create(scope=known, number=26, value="1400")
    Server.objects.bulk_create(many_servers(office, range(10, 400)))
    web = Server.objects.create(
        hostname="Web.example.org", mac_address=mac(0x8001), ip_address="10.2.0.10"
    )
    nic(web, "eth1", "10.2.0.10", mac(0x8002))
    nic(web, "ipmi.0", "10.2.0.11", mac(0x8003))
    nic(web, "v6", "fd00:0:0:6::10", mac(0x8004), "00:01:00:01:2a:02")
    nic(web, "duid", "fd00:0:0:6::11", None, "00:03:00:01:02:00")
    Server.objects.create(hostname="12h", mac_address=mac(0x8005), ip_address="10.3.0.10")
    Server.objects.create(hostname="web", mac_address=mac(0x8006), ip_address="10.3.0.11")
    Server.objects.create(hostname="east-1", mac_address=mac(0x8007), ip_address="10.5.0.10")
    Server.objects.create(
        hostname="off", mac_address=mac(0x8008), ip_address="10.3.0.12", enabled=False
    )
    Server.objects.create(hostname="p2p", mac_address=mac(0x8009), ip_address=tiny.network[0])
    vrf = VRF.objects.create(name="blue")
    Server.objects.create(vrf=vrf, hostname="blue", mac_address=mac(0x800A), ip_address="10.1.0.10")
    Server._base_manager.bulk_create(bad_servers())


def nic(server, name, ip, card, duid=""):
    Interface.objects.create(server=server, name=name, ip_address=ip, mac_address=card, duid=duid)


def edit_by_hand(target):
    """One line changed, one removed, one added, one that clashes; an option changed and added."""
    hosts = target.hosts.read_text()
    hosts = hosts.replace("10.1.0.20,", "10.1.200.20,").replace(
        f"{mac(21)},10.1.0.21,node-21\n", ""
    )
    hosts += f"{mac(0x7001)},10.1.201.1,by-hand\n{mac(0x7002)},10.1.0.30,clash\n"
    hosts += f"{mac(0x7003)},set:x,10.1.0.9\n"
    target.hosts.write_text(hosts)
    opts = target.opts.read_text()
    opts = opts.replace("tag:s12,option:router,10.2.0.1", "tag:s12,option:router,10.2.0.2")
    target.opts.write_text(opts + "tag:s12,option:ntp-server,10.2.0.123\n")


def files_of(target):
    """Each file's bytes, the directory's own name left out."""
    directory = str(target.directory).encode()
    return {
        name: (target.directory / name).read_bytes().replace(directory, b"DIRECTORY")
        for name in NAMES
    }


def same_as_stored(case, found):
    for name, data in found.items():
        path = DATA / f"{case}.{name}"
        if os.environ.get("IPMANAGER_TEST_WRITE") == "1":
            path.write_bytes(data)
        assert path.read_bytes() == data, path.name


@pytest.fixture
def rich(target, settings):
    settings.DHCP_SYNC = "worker"
    settings.PUBLIC_URL = "https://ipm.example.org"
    settings.BOOT_URL = "http://10.1.0.2"
    settings.TFTP_ROOT = Path("/srv/tftp")
    make_rich()
    assert sync().good
    return target


def test_a_rich_ledger(rich):
    same_as_stored("ledger", files_of(rich))


def test_a_rich_ledger_with_hand_edits_over_it(rich):
    edit_by_hand(rich)
    assert sync().good
    assert HandEdit.objects.undecided().filter(served=True).count() == 5
    same_as_stored("edited", files_of(rich))
