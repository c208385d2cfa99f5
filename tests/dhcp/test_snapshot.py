"""dhcp.files.snapshot: what dnsmasq should know, all of one moment, in a fixed number of
queries."""

import threading
from ipaddress import ip_network

import pytest
from django.db import connection

from dhcp.files import snapshot
from dhcp.files.validate import MOST_MACS, validate
from dhcp.models import DhcpChange
from ipam.models import VRF, Interface, Server, Subnet

pytestmark = pytest.mark.django_db

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")


@pytest.fixture
def subnet():
    return Subnet.objects.create(network="10.77.0.0/24")


def server(ip="10.77.0.9", mac=A, name="web", **more):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip, **more)


def served():
    return [(record.key, str(record.ip), record.name) for record in snapshot.take().records]


def test_a_server_with_mac_and_address_is_a_record(subnet):
    web = server()
    (record,) = snapshot.take().records
    assert (record.kind, record.id, record.macs, str(record.ip), record.name) == (
        "server",
        web.pk,
        (A,),
        "10.77.0.9",
        "web",
    )
    assert record.subnet == ip_network("10.77.0.0/24")


@pytest.mark.parametrize("lack", [{"enabled": False}, {"mac": None}, {"ip": None}])
def test_disabled_and_incomplete_servers_are_no_records(subnet, lack):
    server(**lack)
    assert served() == []


def test_servers_of_other_address_spaces_are_not_served(subnet):
    server(vrf=VRF.objects.create(name="lab"))
    assert served() == []


def test_the_most_specific_subnet_of_the_global_space_counts(subnet):
    Subnet.objects.create(network="10.0.0.0/8")
    Subnet.objects.create(network="10.77.0.8/29", vrf=VRF.objects.create(name="lab"))
    server()
    assert snapshot.take().records[0].subnet == ip_network("10.77.0.0/24")
    assert snapshot.take().networks == (ip_network("10.0.0.0/8"), ip_network("10.77.0.0/24"))


def test_a_record_without_a_subnet_says_so(subnet):
    server(ip="192.0.2.9")
    assert snapshot.take().records[0].subnet is None


def test_interfaces_are_records_of_their_own(subnet):
    web = server(name="web.example.org")
    nic = Interface.objects.create(
        server=web, name="eth0.12", mac_address=B, ip_address="10.77.0.10"
    )
    assert served()[1:] == [(f"interface {nic.pk}", "10.77.0.10", "web-eth0-12")]


def test_interfaces_of_disabled_servers_are_not_served(subnet):
    web = server(enabled=False)
    Interface.objects.create(server=web, name="ipmi", mac_address=B, ip_address="10.77.0.10")
    assert served() == []


def test_cards_beyond_the_line_s_room_are_problems_of_their_own(subnet):
    web = server()
    cards = [
        Interface.objects.create(
            server=web,
            name=f"eth{n}",
            ip_address="10.77.0.9",
            mac_address=f"02:00:00:00:01:{n:02x}",
        )
        for n in range(MOST_MACS + 1)
    ]

    validated = validate(snapshot.take().records)

    assert [(line.macs, line.name) for line in validated.lines] == [
        ((A, *(card.mac_address for card in cards[: MOST_MACS - 1])), "web")
    ]
    assert [(p.record.kind, p.record.id, p.record.macs) for p in validated.problems] == [
        ("interface", card.pk, (card.mac_address,)) for card in cards[MOST_MACS - 1 :]
    ]
    assert all(
        "with 16 MAC addresses, the most there can be" in problem.reason
        for problem in validated.problems
    )


def test_cards_of_one_server_that_share_an_address_share_a_record(subnet):
    web = server()
    Interface.objects.create(server=web, name="wlan", mac_address=B, ip_address="10.77.0.9")
    (record,) = snapshot.take().records
    assert record.macs == (A, B)


def test_the_changes_that_are_seen_are_named(subnet):
    DhcpChange.objects.all().delete()
    web = server()
    assert [(change.label, change.object_id) for change in snapshot.take().changes] == [
        ("web", web.pk)
    ]


def test_the_number_of_queries_does_not_grow(subnet, django_assert_num_queries):
    for number in range(1, 30):
        web = server(
            ip=subnet.network[number], mac=f"02:00:00:00:00:{number:02x}", name=f"s{number}"
        )
        Interface.objects.create(
            server=web,
            name="ipmi",
            mac_address=f"02:00:00:00:01:{number:02x}",
            ip_address=subnet.network[100 + number],
        )
    with django_assert_num_queries(6):
        assert len(snapshot.take().records) == 58


@pytest.mark.django_db(transaction=True)
def test_a_writer_between_two_queries_is_seen_by_neither(target, monkeypatch):
    """Nor has he to wait for us."""
    Subnet.objects.create(network="10.77.0.0/24")
    read = snapshot._servers_and_allocations

    def overtaken():
        yield from read()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(10)
        assert not writer.is_alive()

    def write():
        try:
            web = server()
            Interface.objects.create(
                server=web, name="ipmi", mac_address=B, ip_address="10.77.0.10"
            )
        finally:
            connection.close()

    monkeypatch.setattr("dhcp.outbox._flush", lambda: None)
    monkeypatch.setattr(snapshot, "_servers_and_allocations", overtaken)
    seen = snapshot.take()
    assert (seen.records, seen.changes) == ((), ())
    monkeypatch.undo()
    assert (len(snapshot.take().records), len(snapshot.take().changes)) == (2, 2)
