"""Pools too large to be written out: nothing may cost by their size."""

import ipaddress
import os
import tracemalloc

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.fastpath import caller
from ipam.allocate import allocate, release
from ipam.models import IPAddress, Pool
from ipam.placement import pool_rows
from ipam.placement.pool_rows import CHUNK, LOW, create_rows_ahead
from ipam.querysets import claim_on_sqlite
from ipam.usage import usage
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support.api import with_token
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db
PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
LARGE = ["10.0.0.0/8", "2001:db8::/64", "10.0.0.0/19"]


def with_pool(network):
    subnet = SubnetFactory(network=network)
    return PoolFactory(subnet=subnet, first=subnet.network[0], last=subnet.network[-1]).subnet


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(pool_rows, "CHUNK", 128)
    monkeypatch.setattr(pool_rows, "LOW", 32)
    return 128


def cost(work):
    """Queries, and the peak of memory in bytes."""
    tracemalloc.start()
    with CaptureQueriesContext(connection) as queries:
        work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return len(queries), peak


@pytest.mark.parametrize("network", LARGE)
def test_making_a_large_pool_writes_no_rows_and_costs_by_no_size(network):
    small = cost(lambda: with_pool("192.168.0.0/30"))
    queries, peak = cost(lambda: with_pool(network))
    assert IPAddress.objects.filter(subnet__network=network).count() == 0
    assert queries <= small[0]
    assert peak < 20_000_000


@pytest.mark.parametrize("network", LARGE)
def test_the_first_allocations_come_in_order_and_write_one_chunk(network):
    subnet = with_pool(network)
    first = [allocate(subnet).row.ip_address for _ in range(3)]
    assert first == [subnet.network[n] for n in (1, 2, 3)]
    assert IPAddress.objects.count() == CHUNK


def test_a_child_subnet_is_jumped_over():
    subnet = with_pool("10.0.0.0/8")
    SubnetFactory(network="10.0.0.0/24")
    SubnetFactory(network="10.0.1.0/25")
    assert str(allocate(subnet).row) == "10.0.1.128"


def test_gateway_and_addresses_in_use_are_jumped_over():
    ServerFactory(ip_address="10.0.0.2")
    subnet = SubnetFactory(network="10.0.0.0/8", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.0", last="10.255.255.255")
    assert [str(allocate(subnet).row) for _ in range(2)] == ["10.0.0.3", "10.0.0.4"]


@pytest.mark.parametrize("network", ["10.0.0.0/8", "2001:db8::/64"])
def test_freed_rows_are_used_again_before_new_ones_are_written(network, small_chunks):
    subnet = with_pool(network)
    for _ in range(100_000 if PROOF else small_chunks + 100):
        release(allocate(subnet).row)
    assert IPAddress.objects.count() == small_chunks


def test_the_last_address_of_the_pool_is_reached_and_then_it_is_exhausted():
    subnet = SubnetFactory(network="10.0.0.0/16")
    pool = PoolFactory(subnet=subnet, first="10.0.0.0", last="10.0.16.0")
    Pool._base_manager.filter(pk=pool.pk).update(materialised_to="10.0.15.253")
    assert [str(allocate(subnet).row) for _ in range(3)] == [
        "10.0.15.254",
        "10.0.15.255",
        "10.0.16.0",
    ]
    with pytest.raises(Exception, match="no free address"):
        allocate(subnet)


def test_a_deleted_child_makes_its_addresses_available_to_the_large_pool(small_chunks):
    subnet = with_pool("10.0.0.0/8")
    child = SubnetFactory(network="10.0.0.0/24")
    allocate(subnet)
    child.delete()
    for _ in range(small_chunks):
        found = allocate(subnet).row
    assert str(found) == "10.0.0.1"


def test_usage_counts_a_large_pool_by_arithmetic():
    subnet = with_pool("10.0.0.0/8")
    SubnetFactory(network="10.1.0.0/16")
    allocate(subnet)
    found = usage([subnet])[subnet.pk]
    assert found.available == 2**24 - 2**16 - 2 - 1
    assert found.allocated == 1


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "255.0.0.0/8"])
def test_the_widest_networks_are_no_trap(network):
    subnet = with_pool(network)
    assert allocate(subnet).row.ip_address == subnet.network[1]


@only(POSTGRESQL)
def test_the_next_rows_are_written_before_the_last_are_given_out():
    subnet = with_pool("10.0.0.0/8")
    api = with_token("allocate")
    path = f"/api/v1/subnets/{subnet.pk}/next-free/"
    assert api.post(path, {}).status_code == 201  # the first use of a token goes the long way
    mark = int(subnet.pools.get().materialised_to)
    IPAddress.objects.filter(ip_address__lt=ipaddress.ip_address(mark - LOW)).update(
        status="quarantine"
    )
    assert api.post(path, {"vm_id": "vm-1"}).json()["ip_address"] == str(
        ipaddress.ip_address(mark - LOW)
    )
    assert int(subnet.pools.get().materialised_to) == mark + CHUNK
    assert api.post(path, {"vm_id": "vm-2"}).status_code == 201
    assert IPAddress.objects.count() == 2 * CHUNK


@only(not POSTGRESQL)
def test_a_claim_on_sqlite_reads_the_first_free_row_and_not_all_of_them():
    """Whatever the statistics say, which mostly are of a time without free rows."""
    choose, *_writes = claim_on_sqlite(answer="SELECT 1")
    sql = caller.with_caller(choose, caller.ANONYMOUS)
    values = dict.fromkeys(("subnet", "vm_id", "mac_address", "answered"), 1)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        plan = "\n".join(step for *_ids, step in cursor.fetchall())
    assert "SEARCH a USING INDEX ip_addresses_claim (subnet_id=?)" in plan
    assert "SEARCH s USING INDEX sightings_ip (ip_address=?)" in plan
    assert "ORDER BY" not in plan


def test_a_chunk_is_not_written_twice_nor_behind_the_end():
    subnet = with_pool("10.0.0.0/8")
    allocate(subnet)
    pool = subnet.pools.get()
    given = str(ipaddress.ip_address(int(pool.materialised_to) - LOW))
    for _ in range(2):  # the second knows an old mark
        create_rows_ahead(pool.pk, given, LOW)
    assert IPAddress.objects.count() == 2 * CHUNK
    Pool._base_manager.filter(pk=pool.pk).update(materialised_to=pool.last)
    create_rows_ahead(pool.pk, str(ipaddress.ip_address(int(pool.last) - LOW)), LOW)
    assert IPAddress.objects.count() == 2 * CHUNK
