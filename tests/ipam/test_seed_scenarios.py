"""The four workflow examples of the overwatch IPAM, told by its own summary."""

import pytest

from ipam.allocate import reserve
from ipam.models import IPAddress
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return SubnetFactory(network="192.168.1.0/24", static_ip_pools=["192.168.1.1-192.168.1.50"])


def row(address):
    return IPAddress.objects.get(ip_address=address)


def test_scenario_1_a_subnet_with_a_static_pool_makes_its_available_rows(subnet):
    rows = IPAddress.objects.filter(subnet=subnet)

    assert rows.count() == 50
    assert set(rows.values_list("status", "ip_type", "active")) == {("available", "static", True)}


def test_scenario_2_a_server_that_gets_an_address_fills_its_row(subnet):
    server = ServerFactory(
        hostname="web-1",
        ip_address="192.168.1.10",
        mac_address="00-11-22-33-44-55",
        device_type="PowerEdge R650",
        manufacturer="Dell Inc.",
    )

    found = row("192.168.1.10")
    assert (found.server, found.status, found.hostname) == (server, "allocated", "web-1")
    assert (found.mac_address, found.platform) == ("00:11:22:33:44:55", "PowerEdge R650")
    assert (found.manufacturer, found.subnet) == ("Dell Inc.", subnet)


def test_scenario_3_an_available_address_is_reserved_with_a_note(subnet):
    found = reserve(row("192.168.1.20"), "Reserved for network printer")

    assert (found.status, found.description, found.server) == (
        "reserved",
        "Reserved for network printer",
        None,
    )


def test_scenario_3_clearing_the_server_keeps_the_address_reserved(subnet):
    server = ServerFactory(ip_address="192.168.1.20")

    found = reserve(row("192.168.1.20"), "for later", detach=True)

    server.refresh_from_db()
    assert (found.status, found.server, found.hostname, server.ip_address) == (
        "reserved",
        None,
        "",
        None,
    )


def test_scenario_4_a_server_that_moves_frees_its_old_row(subnet):
    server = ServerFactory(ip_address="192.168.1.10")

    server.ip_address = "192.168.1.11"
    server.save()

    old, new = row("192.168.1.10"), row("192.168.1.11")
    assert (old.server, old.status, old.hostname, old.mac_address, old.platform) == (
        None,
        "available",
        "",
        None,
        "",
    )
    assert (new.server, new.status, new.mac_address) == (server, "allocated", server.mac_address)


def test_scenario_4_a_deleted_server_frees_its_static_row(subnet):
    ServerFactory(ip_address="192.168.1.10").delete()

    assert (row("192.168.1.10").status, row("192.168.1.10").server) == ("available", None)


def test_scenario_4_a_deleted_server_deletes_its_dhcp_row(subnet):
    server = ServerFactory(ip_address="192.168.1.200")
    assert row("192.168.1.200").ip_type == "dhcp"

    server.delete()

    assert not IPAddress.objects.filter(ip_address="192.168.1.200").exists()
