"""Pools: what they materialise, what they may not touch, what happens to addresses in use when they
change."""

import pytest
from django.core.exceptions import ValidationError

from ipam.allocate import allocate
from ipam.models import IPAddress
from tests.ipam.factories import (
    IPAddressFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")


def free():
    return [str(row) for row in IPAddress.objects.filter(status="available")]


def test_the_seeds_two_pools_make_101_rows():
    SubnetFactory(
        network="192.168.1.0/24",
        static_ip_pools=["192.168.1.1-192.168.1.50", "192.168.1.100-192.168.1.150"],
    )
    assert IPAddress.objects.count() == 101


@pytest.mark.parametrize(
    ("network", "pool", "rows"),
    [
        ("10.0.0.0/24", "10.0.0.0-10.0.0.255", 253),  # without network, broadcast and gateway
        ("10.0.0.0/31", "10.0.0.0-10.0.0.1", 1),
        ("10.0.0.1/32", "10.0.0.1-10.0.0.1", 0),
    ],
)
def test_ends_and_gateway_get_no_row(network, pool, rows):
    SubnetFactory(network=network, gateway="10.0.0.1", static_ip_pools=[pool])
    assert len(free()) == rows
    assert "10.0.0.1" not in free()


@pytest.mark.parametrize(
    ("network", "rows"),
    [
        ("2001:db8::/127", 2),
        ("2001:db8::/126", 3),
        ("2001:db8::/128", 1),
        ("2001:db8::/116", 4095),
    ],
)
def test_ipv6_loses_only_the_router_anycast_address(network, rows):
    subnet = SubnetFactory(network=network)
    PoolFactory(subnet=subnet, first=subnet.network[0], last=subnet.network[-1])
    assert len(free()) == rows


def test_a_pool_that_shrinks_drops_free_rows_and_keeps_live_ones(subnet):
    pool = PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.20")
    ServerFactory(ip_address="10.0.0.20")
    pool.last = "10.0.0.12"
    pool.save()
    assert free() == ["10.0.0.10", "10.0.0.11", "10.0.0.12"]
    assert IPAddress.objects.get(ip_address="10.0.0.20").ip_type == "dhcp"


def test_a_pool_that_grows_takes_live_rows_in_as_static(subnet):
    pool = PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.12")
    ServerFactory(ip_address="10.0.0.20")
    pool.last = "10.0.0.21"
    pool.save()
    assert IPAddress.objects.get(ip_address="10.0.0.20").ip_type == "static"
    assert len(free()) == 11


def test_a_deleted_pool_takes_its_free_rows_along(subnet):
    pool = PoolFactory(subnet=subnet)
    server = ServerFactory(ip_address=pool.first)
    pool.delete()
    assert [row.server for row in IPAddress.objects.all()] == [server]


def test_a_changed_gateway_returns_to_the_pool(subnet):
    PoolFactory(subnet=subnet, first="10.0.0.1", last="10.0.0.3")
    subnet.gateway = "10.0.0.3"
    subnet.save()
    assert free() == ["10.0.0.1", "10.0.0.2"]


def test_saving_again_changes_nothing(subnet, django_assert_max_num_queries):
    pool = PoolFactory(subnet=subnet)
    before = list(IPAddress.objects.values())
    pool.save()
    subnet.save()
    assert list(IPAddress.objects.values()) == before


@pytest.mark.parametrize(
    "other",
    ["10.0.0.15-10.0.0.30", "10.0.0.5-10.0.0.10", "10.0.0.12-10.0.0.13", "10.0.0.1-10.0.0.99"],
)
@pytest.mark.parametrize("kind", ["static", "dhcp"])
def test_pools_of_one_vrf_never_overlap_and_the_other_one_is_named(subnet, other, kind):
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.20")
    first, last = other.split("-")
    with pytest.raises(
        ValidationError, match=r"overlaps the Static pool 10\.0\.0\.10-10\.0\.0\.20"
    ):
        PoolFactory(subnet=subnet, first=first, last=last, kind=kind)


def test_pools_of_nested_subnets_never_overlap():
    PoolFactory(subnet=SubnetFactory(network="10.0.0.0/16"), first="10.0.0.10", last="10.0.0.20")
    with pytest.raises(ValidationError, match="overlaps"):
        PoolFactory(
            subnet=SubnetFactory(network="10.0.0.0/24"), first="10.0.0.20", last="10.0.0.30"
        )


def test_pools_of_different_vrfs_may_overlap(subnet):
    PoolFactory(subnet=subnet)
    other = SubnetFactory(network=subnet.network, vrf=VRFFactory())
    assert PoolFactory(subnet=other).pk


@pytest.mark.parametrize(
    ("first", "last"), [("10.0.0.9", "10.0.0.10"), ("10.0.0.99", "10.0.0.100")]
)
def test_a_pools_ends_are_compared_as_addresses_not_as_text(subnet, first, last):
    assert PoolFactory(subnet=subnet, first=first, last=last).size == 2


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("10.0.1.1", "10.0.1.9", "first"),
        ("10.0.0.250", "10.0.1.9", "last"),
        ("10.0.0.9", "10.0.0.1", "last"),
        ("2001:db8::1", "2001:db8::9", "first"),
        ("10.0.0.x", "10.0.0.9", "first"),
    ],
)
def test_a_pool_runs_upwards_inside_its_subnet(subnet, first, last, field):
    with pytest.raises(ValidationError) as refused:
        PoolFactory(subnet=subnet, first=first, last=last)
    assert field in refused.value.message_dict


@pytest.mark.parametrize(
    ("first", "last"),
    [("10.0.0.1", "10.0.0.9"), ("10.0.0.0", "10.0.0.0"), ("10.0.0.9", "10.0.0.255")],
)
def test_dnsmasq_is_never_told_to_hand_out_gateway_or_ends(subnet, first, last):
    with pytest.raises(ValidationError, match="gateway|not a host address"):
        PoolFactory(subnet=subnet, first=first, last=last, kind="dhcp")


def test_a_dhcp_pool_cannot_cover_addresses_that_dnsmasq_does_not_know(subnet):
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.10")
    allocate(subnet, vm_id="srv-1")
    subnet.pools.all().delete()
    with pytest.raises(ValidationError, match="VM “srv-1”"):
        PoolFactory(subnet=subnet, first="10.0.0.5", last="10.0.0.15", kind="dhcp")


def test_a_dhcp_pool_may_cover_a_server_whose_mac_is_known(subnet):
    ServerFactory(ip_address="10.0.0.12")
    assert PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.15", kind="dhcp").pk


def test_a_reservation_by_hand_cannot_lie_in_a_dhcp_pool(subnet):
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.15", kind="dhcp")
    with pytest.raises(ValidationError, match="lies in the DHCP pool"):
        IPAddressFactory(ip_address="10.0.0.12", status="reserved")
