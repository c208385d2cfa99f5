"""NetBox's CSV exports."""

import pytest

from importers.kinds import KINDS
from importers.plan import import_records
from importers.records import Held, LeftOut, Machine, Net, Range, Vrf
from importers.source import BadInput, Source
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from tests.importers.conftest import told
from tests.support import corpora

FILES = {
    "vrfs.csv": "Name,RD,Description\nred,65000:1,the red one\n",
    "prefixes.csv": "Prefix,Status,VRF,Scope,VLAN,Description,Scope Type\n"
    "10.1.0.0/24,Active,Global,Berlin,clients (110),the first,dcim.site\n"
    "10.1.0.0/24,Deprecated,red (65000:1),Nord,,,dcim.region\n",
    "ranges.csv": "Start address,End address,VRF,Status,Role\n"
    "10.1.0.100/24,10.1.0.120/24,Global,Active,DHCP-Pool\n"
    "10.1.0.10/24,10.1.0.19/24,Global,Active,\n",
    "addresses.csv": "IP Address,VRF,Status,Role,Assigned,DNS name,Description\n"
    "10.1.0.1/24,Global,Active,,,gw.corp.example,gateway\n"
    "10.1.0.5/24,Global,Active,,True,srv.corp.example,by the door\n"
    '10.1.0.6/24,Global,Reserved,VIP,,,"a\nb"\n'
    "10.1.0.7/24,Global,Deprecated,,,old.corp.example,\n",
    "devices.csv": "Name,Site,Manufacturer,Type,IP Address,ID,Asset tag,IPv4 Address,IPv6 Address\n"
    "srv,Berlin,ACME,S48,2001:db8::5/64,1,A-1,10.1.0.5/24,2001:db8::5/64\n",
    "interfaces.csv": "Name,Device,Type,Primary MAC,MAC Addresses,VRF,IP Addresses\n"
    'eth0,srv (A-1),1G,02:00:00:00:00:0A,02:00:00:00:00:0A,,"10.1.0.5/24,2001:db8::5/64"\n'
    "eth1,srv (A-1),1G,,02:00:00:00:00:0B,,\n",
    "vms.csv": "Name,Cluster,Site,IP Address,ID\nsrv,kvm,Berlin,10.1.0.9/24,1\n",
}


@pytest.fixture
def found():
    return exports(FILES)


def exports(files):
    source = Source.of_uploads({name: text.encode() for name, text in files.items()})
    return KINDS["netbox"].records(source)


def test_prefixes_have_their_vrf_site_vlan_and_gateway(found):
    assert [(row.name, row.rd) for row in found.all(Vrf)] == [("red", "65000:1")]
    first, second = found.all(Net)
    assert (first.vlan_id, first.site, str(first.gateway)) == (110, "Berlin", "10.1.0.1")
    assert (second.vrf, second.site, second.gateway) == ("red", "", None)


def test_ranges_are_pools_by_their_role(found):
    assert [(str(one.first), one.kind) for one in found.all(Range)] == [
        ("10.1.0.100", "dhcp"),
        ("10.1.0.10", "static"),
    ]


def test_a_device_has_its_interfaces_with_all_addresses(found):
    device, vm = found.all(Machine)
    assert (str(device.ip), device.mac) == ("10.1.0.5", "02:00:00:00:00:0a")
    assert {(card.name, card.mac, str(card.ip or "")) for card in device.cards} == {
        ("eth0:2", "02:00:00:00:00:0a", "2001:db8::5"),
        ("eth1", "02:00:00:00:00:0b", ""),
    }
    assert vm.hostname == "srv-kvm-Berlin"


def test_addresses_have_their_status_and_note(found):
    held = {str(one.ip): (one.status, one.hostname, one.note) for one in found.all(Held)}
    assert held == {
        "10.1.0.5": ("reserved", "", "by the door"),  # the machine takes it over
        "10.1.0.6": ("reserved", "", "a\nb · VIP"),
        "10.1.0.7": ("quarantine", "old.corp.example", ""),
    }


def test_german_headings_say_the_same(found):
    words = {
        "IP Address,VRF,Status,Role,Assigned,DNS name,Description": (
            "IP-Adresse,VRF,Status,Rolle,Zugewiesen,DNS-Name,Beschreibung"
        ),
        "Reserved": "Reserviert",
        "Deprecated": "Veraltet",
    }
    german = FILES["addresses.csv"]
    for english, other in words.items():
        german = german.replace(english, other)
    assert exports(FILES | {"addresses.csv": german}).all(Held) == found.all(Held)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("prefixes.csv", "Prefix,Status\n10.1.0.0/24,Active\n10.1.0.0/99,Active\n", 3),
        ("addresses.csv", "IP Address,DNS name\n10.1.0.1/24\n", 2),
        ("addresses.csv", 'IP Address,DNS name\n10.1.0.1/24,"a\n', 2),
        ("addresses.csv", "IP Address,DNS name\n\n", 2),
        ("interfaces.csv", "Name,Device,Type,Primary MAC\ne,srv,1G,zz\n", 2),
        ("empty.csv", "", 1),
    ],
)
def test_a_damaged_export_is_refused_with_its_line(name, text, place):
    with pytest.raises(BadInput) as error:
        exports(FILES | {name: text})
    assert f"{name}:{place}: " in str(error.value)


def test_an_export_without_a_place_is_named():
    assert [one.what for one in exports({"x.csv": "Power,Panel\n1,2\n"}).all(LeftOut)] == ["x.csv"]


@pytest.mark.django_db
def test_a_whole_network_is_imported_from_exports_of_both_languages():
    folder = corpora.folder("netbox")
    first = import_records(whole(folder, "-all.csv"), apply=True)
    counts = {"subnet": 17, "pool": 6, "vrf": 3, "server": 35}
    assert {kind: first.counts[kind]["new"] for kind in counts} == counts
    assert told(first, "refused") == []
    assert (VRF.objects.count(), Subnet.objects.count(), Pool.objects.count()) == (3, 17, 6)
    assert Server.objects.count() == 35
    assert Interface.objects.exclude(ip_address=None).count() > 10
    # 136 addresses, of which six are gateways of subnets, and one stands twice.
    assert IPAddress.objects.live().count() == 129
    for ending in ("-all.csv", "-all-de.csv"):
        again = import_records(whole(folder, ending), apply=True)
        assert again.totals["new"] == 0


def whole(folder, ending):
    files = {path.name: path.read_bytes() for path in folder.glob(f"*{ending}")}
    return KINDS["netbox"].records(Source.of_uploads(files))
