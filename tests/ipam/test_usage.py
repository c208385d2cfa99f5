"""Usage is measured against what can be handed out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ipam.allocate import allocate
from ipam.models import Pool, Sighting, Subnet
from ipam.usage import fullest, pool_usage, usage
from ipam.usage.measure import usage_of_all, usage_of_all_pools
from ipam.usage.ranking import by_figures, with_figures
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


def static(subnet):
    found = usage([subnet])[subnet.pk].static
    return found.used, found.free


def dhcp(subnet):
    found = usage([subnet])[subnet.pk].dhcp
    return found.used, found.free


def lease(address, mac="02:00:00:00:00:01", minutes=5, vrf=None):
    ends = timezone.now() + timedelta(minutes=minutes)
    Sighting.objects.create(
        ip_address=address, mac_address=mac, source="lease", leased_until=ends, vrf=vrf
    )


# --- static -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "percent", "free"), [((), 0, 5), ((1,), 100 / 6, 5), ((1, 2, 3, 4, 5, 6), 100, 0)]
)
def test_a_gateway_counts_as_used_once_a_server_has_it_and_never_as_free(hosts, percent, free):
    subnet = SubnetFactory(
        network="10.0.0.0/29", gateway="10.0.0.1", static_ip_pools=["10.0.0.1-10.0.0.6"]
    )
    for host in hosts:
        ServerFactory(ip_address=f"10.0.0.{host}")

    used = usage([subnet])[subnet.pk]

    assert (used.percent, used.available) == (percent, free)


def test_a_full_static_pool_is_full_however_large_its_subnet_is():
    subnet = SubnetFactory(network="10.0.0.0/20", static_ip_pools=["10.0.0.10-10.0.0.12"])
    for host in (10, 11, 12):
        allocate(subnet, vm_id=f"vm-{host}")

    found = usage([subnet])[subnet.pk].static

    assert (found.total, found.used, found.free, found.percent) == (3, 3, 0, 100)


def test_what_stands_outside_the_static_pools_uses_nothing_of_them():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])
    ServerFactory(ip_address="10.0.0.200")

    assert static(subnet) == (0, 10)


def test_without_a_static_pool_every_address_outside_gateway_and_dhcp_pools_counts():
    subnet = SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", dhcp_pools=["10.0.0.100-10.0.0.199"]
    )
    ServerFactory(ip_address="10.0.0.5")
    ServerFactory(ip_address="10.0.0.150")  # reserved inside the DHCP pool

    assert static(subnet) == (1, 254 - 1 - 100 - 1)
    assert dhcp(subnet) == (1, 99)


@pytest.mark.parametrize(
    ("network", "total"),
    [
        ("10.0.0.0/31", 2),
        ("10.0.0.7/32", 1),
        ("10.0.0.0/8", 2**24 - 2),
        ("2001:db8::/64", 2**64 - 1),
    ],
)
def test_the_ends_of_a_network_count_where_hosts_may_have_them(network, total):
    assert static(SubnetFactory(network=network)) == (0, total)


# --- DHCP -------------------------------------------------------------------------------------


def test_an_address_that_is_leased_and_reserved_counts_once():
    subnet = SubnetFactory(network="10.0.0.0/24", dhcp_pools=["10.0.0.100-10.0.0.109"])
    ServerFactory(ip_address="10.0.0.100", mac_address="02:00:00:00:00:07")
    lease("10.0.0.100", "02:00:00:00:00:07")
    lease("10.0.0.101")

    assert dhcp(subnet) == (2, 8)


def test_a_lease_that_has_ended_or_is_of_another_vrf_counts_nothing():
    subnet = SubnetFactory(network="10.0.0.0/24", dhcp_pools=["10.0.0.100-10.0.0.109"])
    lease("10.0.0.100", minutes=-5)
    lease("10.0.0.101", vrf=VRFFactory())

    assert dhcp(subnet) == (0, 10)


def test_a_leased_address_of_a_static_pool_is_not_free():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.11"])
    lease("10.0.0.10")

    assert static(subnet) == (1, 1)
    allocate(subnet)
    assert static(subnet) == (2, 0)


# --- parents ----------------------------------------------------------------------------------


def test_a_parent_of_full_subnets_is_full():
    parent = SubnetFactory(network="10.0.0.0/30")
    for child in (SubnetFactory(network="10.0.0.0/31"), SubnetFactory(network="10.0.0.2/31")):
        for address in child.network:
            ServerFactory(ip_address=address)

    assert static(parent) == (4, 0)


def test_figures_roll_up_through_any_depth_and_in_one_vrf_only():
    top, middle = SubnetFactory(network="10.0.0.0/8"), SubnetFactory(network="10.0.0.0/16")
    SubnetFactory(
        network="10.0.0.0/24",
        static_ip_pools=["10.0.0.10-10.0.0.19"],
        dhcp_pools=["10.0.0.100-10.0.0.109"],
    )
    SubnetFactory(network="10.0.0.0/25", vrf=VRFFactory(), static_ip_pools=["10.0.0.1-10.0.0.9"])
    ServerFactory(ip_address="10.0.0.10")
    lease("10.0.0.100")

    assert static(middle) == (1, 65536 - 256 - 1 + 9)  # its own but 10.0.255.255, and the pool's
    assert static(top) == (1, 2**24 - 65536 - 1 + static(middle)[1])
    assert dhcp(top) == dhcp(middle) == (1, 9)


def test_a_parents_share_leaves_out_what_its_children_own():
    SubnetFactory(network="10.0.0.0/24")
    SubnetFactory(network="10.0.0.0/25")
    ServerFactory(ip_address="10.0.0.200")

    parent = Subnet.objects.get(network="10.0.0.0/24")

    assert usage([parent])[parent.pk].usable == 127


def test_some_are_measured_as_all_are(django_assert_max_num_queries):
    for index in range(12):
        SubnetFactory(
            network=f"10.0.{index}.0/24",
            static_ip_pools=[f"10.0.{index}.10-10.0.{index}.19"],
            dhcp_pools=[f"10.0.{index}.100-10.0.{index}.199"],
        )
        ServerFactory(ip_address=f"10.0.{index}.{10 + index}")
        lease(f"10.0.{index}.150")
    SubnetFactory(network="10.0.0.0/20")
    subnets, pools = list(Subnet.objects.all()), list(Pool.objects.select_related("subnet"))

    with django_assert_max_num_queries(6):
        some = usage(subnets)
    with django_assert_max_num_queries(8):
        some_pools = pool_usage(pools)

    assert some == usage_of_all()
    assert some_pools == usage_of_all_pools()


# --- pools ------------------------------------------------------------------------------------


def test_a_pool_counts_what_it_can_hand_out():
    subnet = SubnetFactory(
        network="10.0.0.0/24",
        gateway="10.0.0.1",
        static_ip_pools=["10.0.0.1-10.0.0.9", "10.0.0.20-10.0.0.29"],
        dhcp_pools=["10.0.0.100-10.0.0.109"],
    )
    ServerFactory(ip_address="10.0.0.1")
    ServerFactory(ip_address="10.0.0.2")
    lease("10.0.0.105")

    pools = list(subnet.pools.select_related("subnet").order_by("first"))
    found = [pool_usage(pools)[pool.pk] for pool in pools]

    assert [(share.used, share.free) for share in found] == [(1, 7), (0, 10), (1, 9)]


# --- ranking ----------------------------------------------------------------------------------


def test_the_fullest_subnets_come_first_whatever_their_size():
    for network, hosts in (
        ("10.0.0.0/24", 3),
        ("10.0.1.0/29", 2),
        ("10.0.2.0/30", 1),
        ("10.0.3.0/24", 0),
    ):
        subnet = SubnetFactory(network=network)
        for host in range(1, hosts + 1):
            ServerFactory(ip_address=subnet.network[host])

    assert [str(subnet.network) for subnet, _used in fullest(2)] == ["10.0.2.0/30", "10.0.1.0/29"]


def test_a_subnet_whose_static_pools_are_used_up_ranks_first():
    large = SubnetFactory(network="10.0.0.0/20", static_ip_pools=["10.0.0.10-10.0.0.10"])
    allocate(large)
    for host in range(1, 61):
        IPAddressFactory(ip_address=f"10.1.0.{host}", status="reserved")
    SubnetFactory(network="10.1.0.0/26")  # 2 of 62 are left

    assert [str(subnet.network) for subnet, _used in fullest(2)] == ["10.0.0.0/20", "10.1.0.0/26"]


def test_rows_are_ordered_and_filtered_by_figures_of_any_size():
    sizes = {"10.0.0.0/24": 254, "10.0.1.0/30": 2, "2001:db8::/64": 2**64 - 1}
    for network in sizes:
        SubnetFactory(network=network)
    rows = with_figures(Subnet.objects.all(), {"static_free", "static_percent"})

    ordered = Subnet.objects.order_by(*by_figures(Subnet, ["static_free"]))
    few = rows.filter(static_free__lte=254, static_percent__lt=1).order_by("-static_free")

    assert [str(row.network) for row in ordered] == ["10.0.1.0/30", "10.0.0.0/24", "2001:db8::/64"]
    assert [str(row.network) for row in few] == ["10.0.0.0/24", "10.0.1.0/30"]


def test_a_subnet_with_nothing_to_hand_out_comes_last_in_either_order():
    SubnetFactory(network="10.0.0.0/30", dhcp_pools=["10.0.0.1-10.0.0.2"])
    SubnetFactory(network="10.0.1.0/30")

    for order in ("static_free", "-static_free"):
        rows = Subnet.objects.order_by(*by_figures(Subnet, [order]))
        assert [str(row.network) for row in rows] == ["10.0.1.0/30", "10.0.0.0/30"]
