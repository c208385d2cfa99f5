"""The next available network of a length: the first one that a walk over all of them finds."""

import ipaddress

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Exhausted
from ipam.available_prefix import available_network
from ipam.models import IPAddress, Pool, Subnet
from tests.ipam.factories import PoolFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token
from tests.support.by_hand import POSTGRESQL, only
from tests.support.fastpath import both_ways, is_fast

pytestmark = pytest.mark.django_db
BITS = 6  # of the networks that are filled at random


def walk(subnet, length):
    """The rule itself, network by network."""
    children = [row.network for row in Subnet.objects.in_vrf(subnet.vrf_id) if row != subnet]
    pools = [(pool.first, pool.last) for pool in subnet.pools.all()]
    rows = IPAddress.objects.filter(subnet=subnet).live()
    singles = [row.ip_address for row in rows if row.ip_type == "dhcp"]
    if subnet.gateway:
        singles.append(subnet.gateway)
    for network in subnet.network.subnets(new_prefix=length):
        if any(child.version == network.version and child.overlaps(network) for child in children):
            continue
        if any(first <= network[-1] and last >= network[0] for first, last in pools):
            continue
        if not any(address in network for address in singles):
            return network
    return None


def found(subnet, length):
    try:
        return available_network(subnet, length)
    except Exhausted:
        return None


@st.composite
def fillings(draw):
    """A network of 64 addresses somewhere, with what it holds by offset."""
    base = draw(
        st.sampled_from(["10.0.0.0/26", "255.255.255.192/26", "0.0.0.0/26", "2001:db8::/122"])
        | st.just("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0/122")
    )
    network = ipaddress.ip_network(base)
    lengths = st.integers(network.prefixlen + 1, network.max_prefixlen)
    offsets = st.integers(0, 2**BITS - 1)
    return (
        network,
        draw(st.lists(st.tuples(offsets, lengths), max_size=8)),
        draw(st.lists(st.tuples(offsets, offsets), max_size=2)),
        draw(st.lists(offsets, max_size=4)),
        draw(st.none() | offsets),
    )


@given(filling=fillings(), own_vrf=st.booleans())
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_it_is_the_first_network_that_a_walk_finds(filling, own_vrf):
    network = filling[0]
    with transaction.atomic():
        subnet = fill(*filling, own_vrf=own_vrf)
        for length in range(network.prefixlen + 1, network.max_prefixlen + 1):
            assert found(subnet, length) == walk(subnet, length)
        transaction.set_rollback(True)


def fill(network, children, pools, singles, gateway, *, own_vrf):
    """By the base managers: what the rules would refuse may stand there by raw SQL."""
    vrf, other = VRFFactory(), None
    if not own_vrf:
        vrf, other = other, vrf
    inner = {block(network[offset], length) for offset, length in children}
    wanted = [Subnet(network=one, vrf=vrf) for one in {network, *inner}]
    elsewhere = [Subnet(network=block(network[0], network.max_prefixlen - 1), vrf=other)]
    Subnet._base_manager.bulk_create(wanted + elsewhere)
    subnet = Subnet.objects.get(network=network, vrf=vrf)
    subnet.gateway = None if gateway is None else network[gateway]
    Subnet._base_manager.filter(pk=subnet.pk).update(gateway=subnet.gateway)
    for ends in pools:
        first, last = (network[offset] for offset in sorted(ends))
        Pool._base_manager.bulk_create([Pool(subnet=subnet, first=first, last=last)])
    IPAddress.objects.bulk_create(
        IPAddress(
            ip_address=network[offset],
            subnet=subnet,
            vrf=vrf,
            status="reserved" if offset % 3 else "available",
            ip_type="dhcp" if offset % 5 else "static",
        )
        for offset in set(singles)
    )
    return subnet


def block(address, length):
    return ipaddress.ip_network(f"{address}/{length}", strict=False)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "2001:db8::/32"])
def test_many_subnets_cost_one_statement(network, django_assert_num_queries):
    subnet = SubnetFactory(network=network)
    length = subnet.network.prefixlen + 16
    inner = subnet.network.subnets(new_prefix=length)
    Subnet._base_manager.bulk_create(Subnet(network=next(inner)) for _ in range(600))
    with django_assert_num_queries(1):
        assert available_network(subnet, length) == next(inner)


@only(POSTGRESQL)
@pytest.mark.parametrize("query", ["length=26", "length=32", "length=24", "length=33", "length=x"])
def test_both_ways_answer_alike(settings, query):
    settings.FASTPATH = True
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.70", last="10.0.0.80")
    SubnetFactory(network="10.0.0.128/26")
    api = with_token("admin")
    api.get("/api/v1/vrfs/")
    path = f"/api/v1/subnets/{subnet.pk}/next-free-subnet/?{query}"
    fast, django = both_ways(lambda: api.get(path))
    assert (fast.status_code, fast.json()) == (django.status_code, django.json())
    assert is_fast(fast) == (query in ("length=26", "length=32"))
