"""Servers and interfaces place themselves, and nobody takes what another has."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipam.allocate import allocate, quarantine, reserve
from ipam.models import IPAddress, Server
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", static_ip_pools=["10.0.0.1-10.0.0.50"]
    )


def row(address):
    return IPAddress.objects.get(ip_address=address)


def test_an_address_of_another_server_is_refused_with_its_name(subnet):
    ServerFactory(hostname="web-1", ip_address="10.0.0.5")
    with pytest.raises(ValidationError, match="belongs to server “web-1”"):
        ServerFactory(ip_address="10.0.0.5")


def test_a_mac_in_another_spelling_is_refused_with_its_owner(subnet):
    ServerFactory(hostname="web-1", mac_address="02:00:00:00:aa:05")
    with pytest.raises(ValidationError, match="belongs to server “web-1”"):
        ServerFactory(mac_address="0200.0000.AA05")


def test_a_host_name_in_another_case_is_refused(subnet):
    ServerFactory(hostname="Web-1")
    with pytest.raises(ValidationError, match="called “Web-1” already"):
        ServerFactory(hostname="WEB-1")


def test_an_interface_cannot_have_what_another_server_has(subnet):
    other = InterfaceFactory(
        server__hostname="web-1", ip_address="10.0.0.9", mac_address="02:00:00:00:bb:09"
    )
    with pytest.raises(ValidationError, match="web-1"):
        ServerFactory(ip_address=other.ip_address)
    with pytest.raises(ValidationError, match="web-1"):
        InterfaceFactory(mac_address=other.mac_address)


def test_an_address_of_a_vm_is_refused_with_its_id(subnet):
    allocate(subnet, wanted="10.0.0.5", vm_id="srv-1")
    with pytest.raises(ValidationError, match="taken by VM “srv-1”"):
        ServerFactory(ip_address="10.0.0.5")


def test_an_address_in_quarantine_is_refused_with_the_reason(subnet):
    quarantine(row("10.0.0.5"), "answers twice")
    with pytest.raises(ValidationError, match="quarantine “answers twice”"):
        ServerFactory(ip_address="10.0.0.5")


def test_a_reserved_address_may_be_given_to_a_server(subnet):
    reserve(row("10.0.0.5"), "for web-1")
    server = ServerFactory(ip_address="10.0.0.5")
    assert (row("10.0.0.5").status, row("10.0.0.5").server) == ("allocated", server)


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255"])
def test_no_server_has_a_network_or_broadcast_address(subnet, address):
    with pytest.raises(ValidationError, match="network or broadcast"):
        ServerFactory(ip_address=address)


def test_the_router_itself_may_be_a_server_and_its_address_is_not_stock_afterwards(subnet):
    router = ServerFactory(ip_address="10.0.0.1")
    assert row("10.0.0.1").server == router
    router.delete()
    assert not IPAddress.objects.filter(ip_address="10.0.0.1").exists()


def test_a_server_without_mac_cannot_stand_in_a_dhcp_pool(subnet):
    PoolFactory(subnet=subnet, first="10.0.0.100", last="10.0.0.120", kind="dhcp")
    with pytest.raises(ValidationError, match="Specify the MAC address"):
        ServerFactory(ip_address="10.0.0.110", mac_address=None)
    assert ServerFactory(ip_address="10.0.0.110").pk


def test_one_address_in_two_vrfs_is_two_addresses(subnet):
    vrf = VRFFactory()
    here, there = (
        ServerFactory(ip_address="10.0.0.5"),
        ServerFactory(ip_address="10.0.0.5", vrf=vrf),
    )
    assert {found.server for found in IPAddress.objects.filter(ip_address="10.0.0.5")} == {
        here,
        there,
    }


def test_a_server_that_changes_its_vrf_takes_its_address_along(subnet):
    server = ServerFactory(ip_address="10.0.0.5")
    server.vrf = VRFFactory()
    server.save()
    rows = IPAddress.objects.filter(ip_address="10.0.0.5").order_by("vrf")
    assert {(found.vrf, found.status) for found in rows} == {
        (None, "available"),
        (server.vrf, "allocated"),
    }


def test_interfaces_are_placed_with_their_own_mac(subnet):
    nic = InterfaceFactory(ip_address="10.0.0.7", mac_address="02:00:00:00:cc:07", name="bmc")
    assert (row("10.0.0.7").server, row("10.0.0.7").mac_address) == (nic.server, nic.mac_address)


def test_an_interface_that_goes_frees_its_address_and_no_other(subnet):
    nic = InterfaceFactory(server__ip_address="10.0.0.6", ip_address="10.0.0.7")
    nic.delete()
    assert (row("10.0.0.6").status, row("10.0.0.7").status) == ("allocated", "available")


def test_a_server_that_goes_frees_the_addresses_of_its_interfaces(subnet):
    nic = InterfaceFactory(server__ip_address="10.0.0.6", ip_address="10.0.0.7")
    nic.server.delete()
    assert set(IPAddress.objects.values_list("status", flat=True)) == {"available"}


def test_changed_facts_reach_the_row_and_its_history_once(subnet):
    server = ServerFactory(ip_address="10.0.0.5", hostname="old")
    server.hostname = "new"
    server.save()
    server.save()
    assert [past.hostname for past in row("10.0.0.5").history.all()] == ["new", "old"]


def test_the_description_can_be_written_only_while_reserved(subnet):
    found = row("10.0.0.5")
    found.description = "mine"
    with pytest.raises(ValidationError, match="only be edited while the address is reserved"):
        found.save()
    assert reserve(row("10.0.0.5"), "mine").description == "mine"


def test_a_hand_made_row_finds_its_subnet_and_type(subnet):
    assert IPAddressFactory(ip_address="10.0.0.200", status="reserved").ip_type == "dhcp"
    assert IPAddressFactory(ip_address="10.0.0.201", status="reserved").subnet == subnet


# --- ways around save() ---------------------------------------------------------------------------


def test_bulk_create_places_the_servers_and_leaves_history(subnet):
    Server.objects.bulk_create(ServerFactory.build(ip_address=f"10.0.0.{n}") for n in range(5, 15))
    assert IPAddress.objects.filter(status="allocated", server__isnull=False).count() == 10
    assert Server.history.count() == 10


def test_update_and_bulk_update_move_the_rows(subnet):
    server = ServerFactory(ip_address="10.0.0.5")
    Server.objects.filter(pk=server.pk).update(ip_address="10.0.0.6")
    assert (row("10.0.0.5").status, row("10.0.0.6").server) == ("available", server)
    server.ip_address = "10.0.0.7"
    Server.objects.bulk_update([server], ["ip_address"])
    assert (row("10.0.0.6").status, row("10.0.0.7").server) == ("available", server)


def test_two_servers_swap_addresses_in_one_bulk_update(subnet):
    one, two = ServerFactory(ip_address="10.0.0.5"), ServerFactory(ip_address="10.0.0.6")
    Server.objects.filter(pk=one.pk).update(ip_address=None)
    Server.objects.filter(pk=two.pk).update(ip_address="10.0.0.5")
    Server.objects.filter(pk=one.pk).update(ip_address="10.0.0.6")
    assert (row("10.0.0.5").server, row("10.0.0.6").server) == (two, one)


def test_deleting_a_queryset_frees_the_rows(subnet):
    for n in range(5, 10):
        ServerFactory(ip_address=f"10.0.0.{n}")
    Server.objects.all().delete()
    assert not IPAddress.objects.live().exists()


def test_a_bulk_write_onto_somebody_elses_address_writes_nothing(subnet):
    allocate(subnet, wanted="10.0.0.5", vm_id="srv-1")
    with pytest.raises(ValidationError, match="srv-1"):
        Server.objects.bulk_create([ServerFactory.build(ip_address="10.0.0.5")])
    assert not Server.objects.exists()


def test_placing_costs_the_same_queries_for_one_server_as_for_many(subnet):
    def queries_for(number):
        for n in range(number):
            InterfaceFactory(
                server__ip_address=f"10.0.0.{5 + n}", server__location=f"room {number}"
            )
        with CaptureQueriesContext(connection) as queries:
            Server.objects.filter(location=f"room {number}").update(manufacturer="Dell Inc.")
        Server.objects.all().delete()
        return len(queries)

    assert queries_for(2) <= queries_for(10) == queries_for(20)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "255.255.255.255", "::", "::1", "ff02::1"],
)
def test_an_address_that_no_machine_can_have_is_refused(address):
    with pytest.raises(ValidationError, match="cannot have the address"):
        ServerFactory(ip_address=address)
    with pytest.raises(ValidationError, match="cannot have the address"):
        InterfaceFactory(ip_address=address)


def test_link_local_and_reserved_addresses_are_up_to_the_administrator():
    for address in ("169.254.1.1", "240.0.0.1", "fe80::1", "192.0.2.1"):
        ServerFactory(ip_address=address)
