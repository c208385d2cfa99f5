"""What the database itself refuses and how it sorts: the same on SQLite and on PostgreSQL."""

import ipaddress

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from ipam.fields import pack, pack_network, unpack
from ipam.models import IPAddress, Server, Subnet
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db
POSTGRESQL = connection.vendor == "postgresql"
REFUSED = (IntegrityError, DataError)

some_address = st.ip_addresses().filter(lambda a: not (a.version == 6 and a.ipv4_mapped))
some_network = some_address.flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network((address, length), strict=False)
    )
).filter(lambda n: not (n.version == 6 and n.network_address.ipv4_mapped))


def insert(table, **values):
    """Raw SQL, as an administrator at a prompt would write it."""
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values()))


def raw(text):
    """How a client would hand an address or network to the database under test."""
    if POSTGRESQL:
        return text
    return (
        pack_network(ipaddress.ip_network(text))
        if "/" in text
        else pack(ipaddress.ip_address(text))
    )


@given(some_address)
def test_packing_an_address_is_reversible(address):
    assert unpack(pack(address)) == address


@given(st.lists(some_address, min_size=2, max_size=2))
def test_packed_addresses_sort_like_addresses(pair):
    in_order = sorted(pair, key=lambda a: (a.version, int(a)))
    assert sorted(pair, key=pack) == in_order


def test_both_databases_sort_addresses_by_value_ipv4_first():
    for text in ("10.0.0.10", "2001:db8::1", "10.0.0.9", "9.255.0.1"):
        IPAddressFactory(ip_address=text, status="reserved")
    assert [str(row) for row in IPAddress.objects.all()] == [
        "9.255.0.1",
        "10.0.0.9",
        "10.0.0.10",
        "2001:db8::1",
    ]


def test_a_parent_sorts_before_its_children():
    for text in ("10.0.1.0/24", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/16"):
        SubnetFactory(network=text)
    in_order = ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24"]
    assert [str(subnet.network) for subnet in Subnet.objects.all()] == in_order


@pytest.mark.parametrize("spelling", ["::ffff:10.0.0.1", "0:0:0:0:0:ffff:a00:1", "10.0.0.1 "])
def test_one_address_in_two_spellings_is_one_address(spelling):
    IPAddressFactory(ip_address="10.0.0.1", status="reserved")
    with pytest.raises(Exception, match=r"10\.0\.0\.1"):
        IPAddressFactory(ip_address=spelling, status="reserved")


@pytest.mark.parametrize("vrf", [False, True])
def test_one_address_twice_in_one_address_space_is_refused_from_raw_sql(vrf):
    space = {"vrf_id": VRFFactory().pk} if vrf else {}
    insert("ip_addresses", ip_address=raw("10.0.0.1"), **space)
    with pytest.raises(IntegrityError):
        insert("ip_addresses", ip_address=raw("10.0.0.1"), **space)


def test_one_address_may_exist_once_in_each_vrf():
    for vrf in (None, VRFFactory(), VRFFactory()):
        IPAddressFactory(ip_address="10.0.0.1", vrf=vrf, status="reserved")
    assert IPAddress.objects.count() == 3


def test_one_network_twice_in_no_vrf_is_refused_from_raw_sql():
    insert("subnets", network=raw("10.0.0.0/24"))
    with pytest.raises(IntegrityError):
        insert("subnets", network=raw("10.0.0.0/24"))


V4 = b"\4" + b"\0" * 12
WRONG_ON_SQLITE = {
    "address: text": "10.0.0.1",
    "address: number": 167772161,
    "address: too short": b"\4" + b"\0" * 15,
    "address: too long": V4 + bytes([10, 0, 0, 1, 32]),
    "address: unknown family": b"\5" + b"\0" * 16,
    "address: IPv4 with bytes in front": b"\4" + b"\1" + b"\0" * 15,
    "address: IPv4-mapped": b"\6" + b"\0" * 10 + b"\xff\xff" + bytes([10, 0, 0, 1]),
    "network: text": "10.0.0.0/24",
    "network: host bits": V4 + bytes([10, 0, 0, 1, 24]),
    "network: host bits within a byte": V4 + bytes([10, 0, 0, 0b0001_0000, 27]),
    "network: IPv4 longer than 32": V4 + bytes([10, 0, 0, 0, 33]),
    "network: IPv6 longer than 128": b"\6" + b"\0" * 16 + bytes([129]),
    "network: IPv6 host bits": b"\6" + bytes([0x20, 1, 0x0D, 0xB8] + [0] * 11 + [1, 64]),
    "network: IPv4-mapped": b"\6" + b"\0" * 10 + b"\xff\xff" + bytes([10, 0, 0, 0, 104]),
}
WRONG_ON_POSTGRESQL = {
    "network: host bits": "10.0.0.1/24",
    "network: IPv4-mapped": "::ffff:10.0.0.0/104",
    "address: with a mask": "10.0.0.1/24",
    "address: IPv4-mapped": "::ffff:10.0.0.1",
    "address: no octet": "10.0.0.300",
}
WRONG = WRONG_ON_POSTGRESQL if POSTGRESQL else WRONG_ON_SQLITE


@pytest.mark.parametrize("case", WRONG)
def test_raw_sql_cannot_write_what_is_no_address_or_network(case):
    table, column = (
        ("subnets", "network") if case.startswith("network") else ("ip_addresses", "ip_address")
    )
    with pytest.raises(REFUSED):
        insert(table, **{column: WRONG[case]})


@pytest.mark.parametrize(
    "mac",
    ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"]
    + ([] if POSTGRESQL else ["02-00-00-00-00-01", "02:00:00:00:00:0A", "02:00:00:00:00", "*"]),
)
def test_no_card_has_a_group_zero_or_misspelt_mac(mac):
    with pytest.raises(REFUSED):
        insert("hosts", hostname="a", mac_address=mac)


@pytest.mark.parametrize(
    "name", ["x,ignore", "two words", "line\nbreak", "tab\t", "bücher", "a*", "set:x"]
)
def test_a_host_name_that_could_break_a_line_is_refused_from_raw_sql(name):
    with pytest.raises(IntegrityError):
        insert("hosts", hostname=name)


@given(some_network)
def test_every_true_network_is_stored_and_read_back(network):
    with transaction.atomic():
        insert("subnets", network=raw(str(network)))
        assert Subnet.objects.get(network=network).network == network
        transaction.set_rollback(True)


@given(some_network.filter(lambda n: n.prefixlen < n.max_prefixlen), st.data())
def test_raw_sql_cannot_write_a_network_with_host_bits(network, data):
    host = network.network_address + (
        1 << data.draw(st.integers(0, network.max_prefixlen - network.prefixlen - 1))
    )
    wrong = f"{host}/{network.prefixlen}" if POSTGRESQL else pack(host) + bytes([network.prefixlen])
    with pytest.raises(REFUSED):
        insert("subnets", network=wrong)


def test_the_manuals_statements_run_as_they_stand():
    network = (
        "'10.112.58.0/24'"
        if POSTGRESQL
        else f"x'{pack_network(ipaddress.ip_network('10.112.58.0/24')).hex()}'"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO subnets (network, description) VALUES ({network}, 'Neues Büro UG');"
        )
        cursor.execute("DELETE FROM hosts WHERE mac_address = '00:11:22:33:44:55';")
    assert Subnet.objects.get().description == "Neues Büro UG"


def test_a_row_from_raw_sql_reads_like_any_other():
    insert("hosts", hostname="pc-1", ip_address=raw("10.0.0.5"), mac_address="02:00:00:00:00:05")
    server = Server.objects.get()
    assert (server.ip_address, server.enabled) == (ipaddress.ip_address("10.0.0.5"), True)
    assert ServerFactory.build(mac_address=server.mac_address).mac_address == "02:00:00:00:00:05"
