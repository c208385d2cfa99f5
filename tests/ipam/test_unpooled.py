"""A subnet without a static pool hands out its host addresses."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import Exhausted
from ipam.allocate import allocate, next_free, release, reserve_next
from ipam.models import IPAddress, Sighting
from ipam.usage import usage
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


def take(subnet, number, **options):
    return [str(allocate(subnet, **options).row) for _ in range(number)]


@pytest.mark.parametrize(
    ("network", "given"),
    [
        ("10.0.0.0/24", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.0/8", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.0/31", ["10.0.0.0", "10.0.0.1"]),
        ("2001:db8::/64", ["2001:db8::1", "2001:db8::2"]),
        ("2001:db8::/127", ["2001:db8::", "2001:db8::1"]),
    ],
)
def test_it_begins_with_its_first_host_and_makes_no_other_rows(network, given):
    subnet = SubnetFactory(network=network)

    assert str(next_free(subnet)) == given[0]
    assert take(subnet, 2) == given
    assert IPAddress.objects.count() == 2


def test_gateway_dhcp_pools_children_and_used_addresses_are_left_out():
    subnet = SubnetFactory(
        network="10.0.0.0/28",
        gateway="10.0.0.1",
        dhcp_pools=["10.0.0.2-10.0.0.3"],
    )
    SubnetFactory(network="10.0.0.8/29")
    ServerFactory(ip_address="10.0.0.5")

    assert usage([subnet])[subnet.pk].own_static.free == 3
    assert take(subnet, 3) == ["10.0.0.4", "10.0.0.6", "10.0.0.7"]
    with pytest.raises(Exhausted):
        allocate(subnet)
    assert next_free(subnet) is None


def test_another_vrf_takes_nothing_away():
    subnet = SubnetFactory(network="10.0.0.0/24")
    vrf = VRFFactory()
    SubnetFactory(network="10.0.0.0/24", vrf=vrf)
    ServerFactory(ip_address="10.0.0.1", vrf=vrf)

    assert take(subnet, 1) == ["10.0.0.1"]


def test_an_address_that_another_machine_has_leased_is_passed_over():
    subnet = SubnetFactory(network="10.0.0.0/24")
    Sighting.objects.create(
        ip_address="10.0.0.1",
        mac_address="02:00:00:00:00:01",
        source="lease",
        leased_until=timezone.now() + timedelta(hours=1),
    )

    assert str(next_free(subnet)) == "10.0.0.2"
    assert take(subnet, 1) == ["10.0.0.2"]
    assert take(subnet, 1, mac_address="02:00:00:00:00:01") == ["10.0.0.1"]


def test_a_released_address_has_no_row_and_can_be_allocated_again():
    subnet = SubnetFactory(network="10.0.0.0/30")
    rows = [allocate(subnet, vm_id=name).row for name in ("a", "b")]

    release(rows[0])

    assert IPAddress.objects.count() == 1
    assert take(subnet, 1) == ["10.0.0.1"]


def test_a_vm_that_asks_again_has_its_address_and_its_new_name():
    subnet = SubnetFactory(network="10.0.0.0/24")
    first = allocate(subnet, vm_id="vm-1", hostname="old")

    again = allocate(subnet, vm_id="vm-1", hostname="new")

    assert (again.row.pk, again.existing) == (first.row.pk, True)
    assert IPAddress.objects.get().hostname == "new"


def test_each_allocation_leaves_one_line_of_history():
    row = allocate(SubnetFactory(network="10.0.0.0/24"), vm_id="vm-1").row

    assert list(row.history.values_list("history_type", "vm_id")) == [("+", "vm-1")]


def test_the_next_address_is_reserved_and_starts_where_it_is_told():
    subnet = SubnetFactory(network="10.0.0.0/24")

    assert str(reserve_next(subnet, "printer")) == "10.0.0.1"
    assert take(subnet, 1, not_before="10.0.0.100") == ["10.0.0.100"]
    assert IPAddress.objects.get(ip_address="10.0.0.1").status == "reserved"


def test_thousands_of_used_addresses_in_front_cost_few_queries(django_assert_max_num_queries):
    subnet = SubnetFactory(network="10.0.0.0/8")
    used = [n for n in range(1, 12_001) if n != 9_000]
    IPAddress.objects.bulk_create(
        IPAddress(subnet=subnet, ip_address=subnet.network[n], status="reserved", ip_type="dhcp")
        for n in used
    )

    with django_assert_max_num_queries(40):
        given = take(subnet, 1)

    assert given == [str(subnet.network[9_000])]
    assert take(subnet, 1) == [str(subnet.network[12_001])]


# --- parents ----------------------------------------------------------------------------------


def test_a_parent_without_free_addresses_names_the_subnets_inside_that_have_some():
    parent = SubnetFactory(network="10.0.0.0/29", name="parent")
    low = SubnetFactory(network="10.0.0.0/30", name="low")
    SubnetFactory(network="10.0.0.4/31", name="full")
    SubnetFactory(network="10.0.0.6/31", name="half")
    for address in ("10.0.0.4", "10.0.0.5", "10.0.0.6"):
        IPAddressFactory(ip_address=address, status="reserved")

    with pytest.raises(Exhausted) as refused:
        allocate(parent)

    assert "10.0.0.0/30 (2), 10.0.0.6/31 (1)" in refused.value.hint
    assert refused.value.details["children"][0]["id"] == low.pk
