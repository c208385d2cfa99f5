"""Handing out addresses and taking them back."""

import datetime

import pytest
from django.utils import timezone

from core.errors import Conflict, Exhausted, Invalid, NotFound
from ipam.allocate import allocate, find, next_free, quarantine, release, reserve
from ipam.models import IPAddress, Sighting
from ipam.placement import pool_rows
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", static_ip_pools=["10.0.0.1-10.0.0.4"]
    )


def row(address):
    return IPAddress.objects.get(ip_address=address)


def taken(*rows):
    return [str(found) for found in rows]


def test_addresses_go_out_in_order_without_the_gateway(subnet):
    assert taken(*(allocate(subnet).row for _ in range(3))) == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]


def test_an_empty_pool_is_exhausted_and_says_what_to_do(subnet):
    for _ in range(3):
        allocate(subnet)
    with pytest.raises(Exhausted, match="Widen a static pool or release an address"):
        allocate(subnet)


def test_a_vm_that_asks_again_gets_the_same_address_and_its_new_name(subnet):
    first = allocate(subnet, vm_id="srv-1", hostname="old").row
    again = allocate(subnet, vm_id="srv-1", hostname="new").row
    assert (again.pk, row(first.ip_address).hostname) == (first.pk, "new")


def test_a_vm_that_has_an_address_gets_it_even_from_an_exhausted_pool(subnet):
    first = allocate(subnet, vm_id="srv-1").row
    allocate(subnet), allocate(subnet)
    assert allocate(subnet, vm_id="srv-1").row.pk == first.pk


def test_a_freed_address_is_handed_out_last(subnet):
    first = allocate(subnet).row
    release(first)
    assert taken(*(allocate(subnet).row for _ in range(3))) == ["10.0.0.3", "10.0.0.4", "10.0.0.2"]


def test_of_freed_addresses_the_longest_free_goes_first(subnet):
    rows = [allocate(subnet).row for _ in range(3)]
    for found in (rows[2], rows[0], rows[1]):
        release(found)
    assert taken(*(allocate(subnet).row for _ in range(3))) == ["10.0.0.4", "10.0.0.2", "10.0.0.3"]


def test_one_pool_can_be_asked_for(subnet):
    pool = PoolFactory(subnet=subnet, first="10.0.0.100", last="10.0.0.101")
    assert str(allocate(pool=pool).row) == "10.0.0.100"


def test_a_wanted_address_is_given_or_refused_with_its_holder(subnet):
    assert str(allocate(subnet, wanted="10.0.0.3", vm_id="srv-1").row) == "10.0.0.3"
    with pytest.raises(Conflict, match="VM “srv-1”"):
        allocate(subnet, wanted="10.0.0.3", vm_id="srv-2")


def test_a_wanted_address_may_lie_outside_the_pools_and_is_forgotten_when_released(subnet):
    found = allocate(subnet, wanted="10.0.0.99", vm_id="srv-1").row
    assert found.ip_type == "dhcp"
    release(found)
    assert not IPAddress.objects.filter(ip_address="10.0.0.99").exists()


@pytest.mark.parametrize(
    "wanted", ["10.0.0.0", "10.0.0.255", "10.0.0.1", "10.0.0.201", "x", "10.0.0.x"]
)
def test_ends_gateway_dhcp_pools_and_nonsense_are_never_handed_out(subnet, wanted):
    PoolFactory(subnet=subnet, first="10.0.0.200", last="10.0.0.210", kind="dhcp")
    with pytest.raises(Invalid):
        allocate(subnet, wanted=wanted)


def test_a_wanted_address_that_is_held_may_be_replaced_by_the_next(subnet):
    allocate(subnet, wanted="10.0.0.2")
    assert taken(*(allocate(subnet, wanted="10.0.0.2", else_next=True).row for _ in range(2))) == [
        "10.0.0.3",
        "10.0.0.4",
    ]
    assert str(allocate(subnet, wanted="10.0.0.77", else_next=True).row) == "10.0.0.77"


def test_a_vm_that_wants_another_address_than_it_has_keeps_it_if_any_will_do(subnet):
    first = allocate(subnet, vm_id="srv-1").row
    assert allocate(subnet, vm_id="srv-1", wanted="10.0.0.4", else_next=True).row.pk == first.pk
    with pytest.raises(Conflict, match="has 10.0.0.2 already"):
        allocate(subnet, vm_id="srv-1", wanted="10.0.0.4")


def test_a_wanted_address_that_nobody_may_have_is_not_replaced(subnet):
    with pytest.raises(Invalid):
        allocate(subnet, wanted="10.0.0.1", else_next=True)
    allocate(wanted="10.0.0.2", else_next=True)
    with pytest.raises(Invalid, match="Specify a subnet or a pool"):
        allocate(wanted="10.0.0.2", else_next=True)


def test_an_address_may_be_asked_for_that_is_not_below_another(subnet):
    assert str(next_free(subnet, not_before="10.0.0.3")) == "10.0.0.3"
    assert taken(*(allocate(subnet, not_before="10.0.0.3").row for _ in range(2))) == [
        "10.0.0.3",
        "10.0.0.4",
    ]
    with pytest.raises(Exhausted):
        allocate(subnet, not_before="10.0.0.3")
    assert str(allocate(subnet).row) == "10.0.0.2"


@pytest.mark.parametrize("start", ["10.0.1.1", "2001:db8::1", "nonsense"])
def test_a_lower_bound_lies_in_the_subnet(subnet, start):
    with pytest.raises(Invalid):
        allocate(subnet, not_before=start)


def test_a_lower_bound_deep_inside_a_large_pool_costs_one_chunk_of_rows():
    large = SubnetFactory(network="10.0.0.0/8", static_ip_pools=["10.0.0.1-10.255.255.254"])
    assert str(next_free(large, not_before="10.200.0.0")) == "10.200.0.0"
    assert taken(*(allocate(large, not_before="10.200.0.0").row for _ in range(2))) == [
        "10.200.0.0",
        "10.200.0.1",
    ]
    assert IPAddress.objects.count() == pool_rows.CHUNK


def test_a_lower_bound_and_a_pool_are_both_obeyed(subnet):
    pool = PoolFactory(subnet=subnet, first="10.0.0.50", last="10.0.0.52")
    assert str(allocate(subnet, pool=pool, not_before="10.0.0.2").row) == "10.0.0.50"
    assert str(allocate(subnet, pool=pool, not_before="10.0.0.52").row) == "10.0.0.52"
    with pytest.raises(Invalid):
        allocate(subnet, pool=pool, not_before="10.0.0.53")


def test_an_address_of_another_subnet_or_pool_cannot_be_wanted(subnet):
    SubnetFactory(network="10.0.1.0/24")
    pool = PoolFactory(subnet=subnet, first="10.0.0.100", last="10.0.0.101")
    for where in ({"subnet": SubnetFactory(network="10.0.2.0/24")}, {"pool": pool}):
        with pytest.raises(Invalid, match="is not in"):
            allocate(**where, wanted="10.0.1.5")
    assert not IPAddress.objects.filter(ip_address="10.0.1.5").exists()


def test_a_vm_has_one_address_and_cannot_ask_for_a_second_one(subnet):
    other = SubnetFactory(network="10.0.1.0/24", static_ip_pools=["10.0.1.10-10.0.1.20"])
    allocate(subnet, vm_id="srv-1")
    with pytest.raises(Conflict, match="VM “srv-1” has 10.0.0.2 already"):
        allocate(subnet, vm_id="srv-1", wanted="10.0.0.3")
    with pytest.raises(Conflict, match="has 10.0.0.2 already"):
        allocate(other, vm_id="srv-1")


@pytest.mark.parametrize("text", ["x" * 256, "a\nb", "a\x1b[2J", "\0", "\ud800"])
def test_ids_and_names_that_no_log_or_column_can_hold_are_refused(subnet, text):
    for sent in ({"vm_id": text}, {"hostname": text}):
        with pytest.raises(Invalid, match="at most 255 characters"):
            allocate(subnet, **sent)


def test_an_address_in_no_subnet_cannot_be_wanted(subnet):
    with pytest.raises(NotFound, match="lies in no subnet"):
        allocate(wanted="192.0.2.1")


def test_an_address_with_a_live_lease_of_another_machine_is_skipped(subnet):
    Sighting.objects.create(
        ip_address="10.0.0.2",
        mac_address="02:00:00:00:00:99",
        source="lease",
        leased_until=timezone.now() + datetime.timedelta(hours=1),
    )
    assert str(allocate(subnet).row) == "10.0.0.3"
    assert str(allocate(subnet, mac_address="02-00-00-00-00-99").row) == "10.0.0.2"


def test_an_address_whose_lease_has_ended_is_handed_out(subnet):
    Sighting.objects.create(
        ip_address="10.0.0.2",
        mac_address="02:00:00:00:00:99",
        source="lease",
        leased_until=timezone.now() - datetime.timedelta(seconds=1),
    )
    assert str(allocate(subnet).row) == "10.0.0.2"


def test_when_only_leased_addresses_are_left_the_pool_is_exhausted(subnet):
    for number in (2, 3, 4):
        Sighting.objects.create(
            ip_address=f"10.0.0.{number}",
            mac_address="02:00:00:00:00:99",
            source="lease",
            leased_until=timezone.now() + datetime.timedelta(hours=1),
        )
    with pytest.raises(Exhausted):
        allocate(subnet)


def test_an_allocation_is_in_the_history_of_its_row(subnet):
    found = allocate(subnet, vm_id="srv-1", hostname="vm").row
    past = found.history.latest()
    assert (past.history_type, past.status, past.vm_id, past.hostname) == (
        "~",
        "allocated",
        "srv-1",
        "vm",
    )


def test_reserving_needs_a_free_address(subnet):
    reserve(row("10.0.0.2"), "printer")
    assert reserve(row("10.0.0.2"), "other printer").description == "other printer"
    with pytest.raises(Conflict, match="VM “srv-1”"):
        reserve(allocate(subnet, vm_id="srv-1").row)


def test_a_reserved_address_is_not_handed_out(subnet):
    reserve(row("10.0.0.2"), "printer")
    assert str(allocate(subnet).row) == "10.0.0.3"


def test_an_address_outside_the_pools_can_be_reserved_and_released(subnet):
    found = reserve(find("10.0.0.77"), "printer")
    assert (found.subnet, found.ip_type) == (subnet, "dhcp")
    release(found)
    assert not IPAddress.objects.filter(ip_address="10.0.0.77").exists()


def test_releasing_forgets_the_holder_and_keeps_the_history(subnet):
    found = release(reserve(row("10.0.0.2"), "printer"))
    assert (found.status, found.description, found.freed_at is None) == ("available", "", False)
    assert [past.status for past in found.history.all()][:2] == ["available", "reserved"]


def test_releasing_a_free_address_changes_nothing(subnet):
    release(row("10.0.0.2"))
    release(find("10.0.0.200"))
    assert row("10.0.0.2").freed_at is None
    assert IPAddress.objects.count() == 3


def test_a_servers_address_is_released_by_the_server_only(subnet):
    ServerFactory(hostname="web-1", ip_address="10.0.0.2")
    with pytest.raises(Conflict, match="web-1.*Change or delete the server"):
        release(row("10.0.0.2"))
    with pytest.raises(Conflict, match="web-1"):
        quarantine(row("10.0.0.2"))


def test_quarantine_notes_the_reason_and_ends_by_release(subnet):
    found = quarantine(row("10.0.0.2"), "answers twice")
    assert (found.status, found.description) == ("quarantine", "answers twice")
    assert release(found).status == "available"


def test_allocated_means_that_somebody_has_it(subnet):
    ServerFactory(ip_address="10.0.0.2")
    allocate(subnet, vm_id="srv-1")
    nobody = IPAddress.objects.filter(status="allocated", server=None, vm_id=None)
    assert not nobody.exists()
    assert (
        not IPAddress.objects.filter(status="available").exclude(server=None, vm_id=None).exists()
    )
