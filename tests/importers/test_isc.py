"""ISC dhcpd's configuration and leases."""

from ipaddress import ip_address, ip_network

import pytest

from importers.records import Lease, LeftOut, Machine, Net, Option, Range, Scope
from importers.source import BadInput

CONF = """\
# one of everything
option domain-name "corp.example";
default-lease-time 600;
max-lease-time 7200;
option colour code 250 = text;
subnet 10.1.0.0 netmask 255.255.255.0 {
  option routers 10.1.0.1, 10.1.0.2;
  option domain-name-servers 10.1.0.53, 10.1.0.54;
  option interface-mtu 1400;
  option colour "blue";
  option broadcast-address 10.1.0.255;
  next-server 10.1.0.9; filename "pxelinux.0";
  pool { range 10.1.0.100 10.1.0.150; deny unknown-clients; }
  range 10.1.0.200;
}
subnet 10.2.0.0 netmask 255.255.255.0 { pool { allow known clients; range 10.2.0.9 10.2.0.19; } }
group {
  option root-path "/srv";
  host printer { hardware ethernet 2:0:0:0:0:a; fixed-address 10.1.0.10, 10.2.0.10; }
  host far { hardware fddi 02:00:00:00:00:0b; fixed-address far.corp.example;
             option host-name "named"; }
}
"""


def test_a_subnet_has_the_options_that_hold_in_it(records):
    found = records("isc-dhcpd", CONF)
    net = found.all(Net)[0]
    assert (net.gateway, net.domain) == (ip_address("10.1.0.1"), "corp.example")
    assert net.dns_servers == (ip_address("10.1.0.53"), ip_address("10.1.0.54"))
    scope = found.all(Scope)[0]
    assert (scope.lease_time, scope.boot_file) == (600, "pxelinux.0")
    assert scope.boot_server == ip_address("10.1.0.9")
    options = {(one.number, one.value, one.type) for one in found.all(Option)}
    assert options == {(26, "1400", "u16"), (250, "blue", "text")}


def test_only_known_machines_where_every_pool_says_so(records):
    scopes = records("isc-dhcpd", CONF).all(Scope)
    assert [scope.known_only for scope in scopes] == [False, True]


def test_ranges_keep_their_places(records):
    ranges = records("isc-dhcpd", CONF).all(Range)
    assert [(str(one.first), str(one.last), one.at) for one in ranges] == [
        ("10.1.0.100", "10.1.0.150", "file:13"),
        ("10.1.0.200", "10.1.0.200", "file:14"),
        ("10.2.0.9", "10.2.0.19", "file:16"),
    ]


def test_hosts_are_machines_with_their_further_addresses(records):
    printer, far = records("isc-dhcpd", CONF).all(Machine)
    assert (printer.mac, str(printer.ip)) == ("02:00:00:00:00:0a", "10.1.0.10")
    assert [(card.name, str(card.ip)) for card in printer.cards] == [("net2", "10.2.0.10")]
    assert (far.hostname, far.mac, far.ip) == ("named", None, None)


def test_what_has_no_place_is_named_with_its_line(records):
    left = {(one.at, one.what.split()[0]) for one in records("isc-dhcpd", CONF).all(LeftOut)}
    assert {("file:4", "max-lease-time"), ("file:18", "option"), ("file:20", "hardware")} <= left


def test_subnets_of_a_shared_network_share_their_wire(records):
    text = """shared-network "x" { interface "eth1";
      subnet 10.1.0.0 netmask 255.255.255.0 { } subnet 10.2.0.0 netmask 255.255.255.0 { }
      pool { range 10.2.0.5 10.2.0.9; } }"""
    first, second = records("isc-dhcpd", text).all(Scope)
    assert (first.wire, second.wire) == (None, ip_network("10.1.0.0/24"))
    assert second.interface == "eth1"


def test_a_machine_of_dhcpv6_is_known_by_its_duid(records):
    text = """subnet6 2001:db8::/64 { range6 2001:db8::100 2001:db8::1ff; }
    host a { host-identifier option dhcp6.client-id 0:1:0:1:2c:aa; fixed-address6 2001:db8::5; }"""
    (machine,) = records("isc-dhcpd6", text).all(Machine)
    card = machine.cards[0]
    assert (card.duid, str(card.ip)) == ("00:01:00:01:2c:aa", "2001:db8::5")


def test_an_included_file_stands_in_its_place(records):
    found = records(
        "isc-dhcpd",
        dhcpd__conf='include "/etc/dhcp/more.conf"; include "gone.conf";',
        more__conf="subnet 10.1.0.0 netmask 255.255.255.0 { }",
    )
    assert found.all(Net)[0].at == "more.conf:1"
    assert found.all(LeftOut)[0].at == "dhcpd.conf:1"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("subnet 10.1.0.0 netmask 255.255.255.96 { }", 1),
        ("subnet 10.1.0.0 netmask 255.255.255.0 {\n range 10.1.0.9 10.1.0.5; }", 2),
        ("\nfixed-address 10.0.0.1;", 2),
        ("option no-such-option 1;", 1),
        ('option routers "10.0.0.1";', 1),
        ("host a {\n hardware ethernet 02:00:00;\n}", 2),
        ("subnet 10.1.0.0 netmask 255.255.255.0 {\n", 1),
        ("default-lease-time 600\n", 1),
        ("}", 1),
        ('option domain-name "a;', 1),
        ("default-lease-time soon;", 1),
        ('include "file";' * 1, 1),
        ("group { " * 40 + "}" * 40, 1),
        ('class { match "x"; }\nfixed-address;', 2),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(records, text, line):
    with pytest.raises(BadInput) as error:
        records("isc-dhcpd", text)
    assert f"file:{line}: " in str(error.value)


LEASES = """\
lease 10.1.0.100 { ends 3 2026/12/02 10:00:00; binding state active;
  hardware ethernet 02:00:00:00:00:0a; client-hostname "box"; }
lease 10.1.0.101 { ends never; binding state free; }
lease 10.1.0.100 { ends epoch 1795000000; hardware ethernet 02:00:00:00:00:0a; }
ia-na "\\001\\000\\000\\000\\000\\003\\000\\001\\002\\000\\000\\000\\000\\013" {
  iaaddr 2001:db8::5 { binding state active; ends 3 2026/12/02 10:00:00; } }
"""


def test_of_two_leases_of_an_address_the_later_counts(records):
    found = records("isc-leases", LEASES)
    four, six = found.all(Lease)
    assert (str(four.ip), four.mac, int(four.until.timestamp())) == (
        "10.1.0.100",
        "02:00:00:00:00:0a",
        1795000000,
    )
    assert (six.duid, six.mac) == ("00:03:00:01:02:00:00:00:00:0b", "02:00:00:00:00:0b")
    assert [one.what for one in found.all(LeftOut)] == ["10.1.0.101"]


@pytest.mark.parametrize(
    ("kind", "text"), [("isc-dhcpd", '"' + '\\"' * 500_000), ("kea", "/*\n" * 500_000)]
)
def test_what_does_not_end_is_refused_in_one_pass(records, kind, text):
    with pytest.raises(BadInput, match="A string does not end|is not JSON"):
        records(kind, text)
