"""Machines move into another subnet: what they are told, their names, notes and VMs with them."""

import pytest
from django.urls import reverse

from changes.plans.services import left_behind
from changes.plans.verb import preview
from changes.undo.verb import undo
from core.errors import IPManagerError
from dhcp.models import DhcpScope
from dhcp.reshape.renumber import renumber
from ipam.addresses import parse_address
from ipam.allocate import allocate
from ipam.models import Interface, IPAddress, Server
from ipam.placement.populate import populate
from ipam.reshape.renumber import Choices
from names.models import Record, Zone
from tests.changes.undoing import change, ledger
from tests.ipam.admin_forms import messages_of, queries_in
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.registry.factories import ServiceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def old():
    return SubnetFactory(network="10.0.0.0/24", name="Old", gateway="10.0.0.1")


@pytest.fixture
def new():
    return SubnetFactory(
        network="10.0.1.0/24",
        name="New",
        gateway="10.0.1.1",
        static_ip_pools=["10.0.1.10-10.0.1.29"],
        dhcp_pools=["10.0.1.100-10.0.1.199"],
    )


def moved(old, new, **choices):
    """The new address of each that moves, and why the others stay."""
    found = renumber(old, new, Choices(**choices)).moves
    return {str(move.row.ip_address): str(move.new or move.refusal) for move in found}


def test_a_machine_keeps_its_place_with_its_cards_and_reservation(old, new):
    web = ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    Interface(server=web, name="bmc", ip_address="10.0.0.21").save()
    assert moved(old, new) == {"10.0.0.20": "10.0.1.20", "10.0.0.21": "10.0.1.21"}
    assert str(Server.objects.get().ip_address) == "10.0.1.20"
    assert str(Interface.objects.get().ip_address) == "10.0.1.21"
    rows = IPAddress.objects.live()
    assert {(str(row), row.subnet, row.server) for row in rows} == {
        ("10.0.1.20", new, web),
        ("10.0.1.21", new, web),
    }


def test_or_gets_the_next_free_address(old, new):
    ServerFactory(hostname="there", ip_address="10.0.1.10")
    ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    ServerFactory(hostname="web-2", ip_address="10.0.0.19")
    assert moved(old, new, keeps_place=False) == {
        "10.0.0.19": "10.0.1.11",
        "10.0.0.20": "10.0.1.12",
    }


def test_vms_allocations_and_reserved_addresses_move_as_they_stand(old, new):
    allocate(old, wanted="10.0.0.30", vm_id="vm-1", hostname="a", mac_address="02:00:00:00:00:01")
    IPAddressFactory(ip_address="10.0.0.11", status="reserved", description="door")
    assert moved(old, new) == {"10.0.0.11": "10.0.1.11", "10.0.0.30": "10.0.1.30"}
    door, vm = IPAddress.objects.live().order_by("ip_address")
    assert (str(door), door.description, door.ip_type) == ("10.0.1.11", "door", "static")
    assert (str(vm), vm.vm_id, vm.hostname, vm.mac_address, vm.ip_type) == (
        "10.0.1.30",
        "vm-1",
        "a",
        "02:00:00:00:00:01",
        "dhcp",
    )
    assert not IPAddress.objects.filter(subnet=old).exists()


def test_the_note_of_a_taken_reservation_and_a_servers_vm_go_along(old, new):
    IPAddressFactory(ip_address="10.0.0.11", status="reserved", description="door")
    ServerFactory(hostname="door", ip_address="10.0.0.11")
    mac = "02:00:00:00:00:07"
    allocate(old, wanted="10.0.0.12", vm_id="vm-7", hostname="up", mac_address=mac)
    ServerFactory(hostname="up", ip_address="10.0.0.12", mac_address=mac)
    moved(old, new)
    door, vm = IPAddress.objects.live().order_by("ip_address")
    assert (str(door), door.reservation, door.server.hostname) == ("10.0.1.11", "door", "door")
    assert (str(vm), vm.vm_id, vm.server.hostname) == ("10.0.1.12", "vm-7", "up")
    before = ledger()
    populate()
    assert ledger() == before


def test_what_cannot_move_stays_and_says_why(old, new):
    ServerFactory(hostname="router", ip_address="10.0.0.1")
    ServerFactory(hostname="there", ip_address="10.0.1.20")
    ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    ServerFactory(hostname="pc", ip_address="10.0.0.150")
    allocate(old, wanted="10.0.0.151", hostname="x")
    IPAddressFactory(ip_address="10.0.0.40", status="quarantine")
    SubnetFactory(network="10.0.1.64/27")
    IPAddressFactory(ip_address="10.0.0.70", status="reserved")
    assert moved(old, new) == {
        "10.0.0.1": "the gateway of 10.0.0.0/24",
        "10.0.0.20": "10.0.1.20 has a holder already",
        "10.0.0.40": "in quarantine, which is about the address itself",
        "10.0.0.70": "10.0.1.70 lies in a subnet inside 10.0.1.0/24",
        "10.0.0.150": "10.0.1.150",
        "10.0.0.151": "10.0.1.151 lies in a DHCP pool",
    }
    assert str(Server.objects.get(hostname="web-1").ip_address) == "10.0.0.20"


def test_a_range_moves_in_stages(old, new):
    for last in (20, 30, 40):
        ServerFactory(ip_address=f"10.0.0.{last}")
    ends = {"first": parse_address("10.0.0.25"), "last": parse_address("10.0.0.35")}
    assert moved(old, new, **ends) == {"10.0.0.30": "10.0.1.30"}
    assert set(moved(old, new)) == {"10.0.0.20", "10.0.0.40"}


def test_where_nothing_can_move_the_first_reasons_are_told(old, new):
    IPAddressFactory(ip_address="10.0.0.40", status="quarantine")
    with pytest.raises(IPManagerError, match="in quarantine"):
        moved(old, new)


def test_subnets_of_another_kind_are_refused(old):
    for other in (
        old,
        SubnetFactory(network="2001:db8::/64"),
        SubnetFactory(network="10.0.1.0/24", vrf=VRFFactory()),
    ):
        with pytest.raises(IPManagerError):
            moved(old, other)


def test_records_follow_and_who_is_told_a_former_address_is_named(old, new):
    ServerFactory(hostname="dns", ip_address="10.0.0.5")
    zone = Zone.objects.create(name="corp.example")
    Record(zone=zone, name="ns", type="A", value="10.0.0.5").save()
    old.dns_servers = [parse_address("10.0.0.5")]
    old.save()
    DhcpScope(subnet=new, ntp_servers=[parse_address("10.0.0.5")]).save()
    done = renumber(old, new, Choices())
    assert Record.objects.get().value == "10.0.1.5"
    assert done.records == ["ns.corp.example A 10.0.1.5"]
    assert done.warnings == [
        "10.0.0.5 becomes 10.0.1.5, but the clients of 10.0.0.0/24, 10.0.1.0/24 "
        "are told the former."
    ]


def test_a_service_at_a_former_address_is_named(old, new):
    ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    service = ServiceFactory(ip_address="10.0.0.20")
    ServiceFactory(ip_address="10.0.0.99")
    done = renumber(old, new, Choices())
    assert list(left_behind(old, done)) == [
        f"{service} is registered at 10.0.0.20, which becomes 10.0.1.20: register it anew."
    ]


def test_it_is_undone(old, new):
    allocate(old, wanted="10.0.0.30", vm_id="vm-1", hostname="a")
    IPAddressFactory(ip_address="10.0.0.11", status="reserved", description="door")
    ServerFactory(hostname="door", ip_address="10.0.0.11")
    before = ledger()
    with change() as made:
        renumber(old, new, Choices())
    undo(made)
    assert ledger() == before


# --- the page -------------------------------------------------------------------------------------


def url_of(subnet):
    return reverse("admin:network_renumber", args=[subnet.pk])


def test_the_preview_shows_what_moves_and_applying_moves_it(
    admin_client, old, new, settings, tmp_path
):
    settings.DNSMASQ_DIR = tmp_path
    ServerFactory(hostname="web-1", ip_address="10.0.0.20", mac_address="02:00:00:00:00:20")
    data = {"target": "10.0.1.0/24", "place": ""}

    page = admin_client.post(url_of(old), data)

    assert [(str(move.former), str(move.new)) for move in page.context["moves"]] == [
        ("10.0.0.20", "10.0.1.20")
    ]
    assert "-02:00:00:00:00:20,10.0.0.20,web-1" in page.context["diff"]
    assert [client.name for client in page.context["renewing"]] == ["web-1"]
    data |= {"apply": "1", "digest": page.context["plan"].digest}
    done = admin_client.post(url_of(old), data, follow=True)
    assert messages_of(done)[0].startswith("1 address of 10.0.0.0/24 is moved.")


def test_the_queries_of_a_preview_do_not_grow_with_the_machines(old, new):
    def preview_it():
        return queries_in(lambda: preview(lambda: len(renumber(old, new, Choices()).moves)))

    for last in range(24, 36):  # with and without a row there; more than 8, as of few addresses
        ServerFactory(ip_address=f"10.0.0.{last}")
    preview_it()
    few = preview_it()
    for last in range(40, 70):
        ServerFactory(ip_address=f"10.0.0.{last}")
    assert preview_it() == few


@pytest.mark.parametrize("target", ["", "x", "10.9.0.0/24"])
def test_a_target_that_is_no_subnet_is_refused(admin_client, old, target):
    ServerFactory(ip_address="10.0.0.20")
    assert admin_client.post(url_of(old), {"target": target}).status_code == 409
