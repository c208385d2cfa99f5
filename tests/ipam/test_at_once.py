"""Two transactions at once on PostgreSQL and SQLite: one waits for the other, and the ledger is
right afterwards.

Each pair ran into a wrong row, an unexplained refusal or a deadlock before the ledger had its lock.
"""

import threading
import time

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ipam.allocate import allocate
from ipam.models import Interface, Pool, Server, Subnet
from ipam.placement.populate import populate
from ippool import pool
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(first, second):
    """Run first and hold its transaction open while second starts; what each raised, or None."""
    begun, raised = threading.Event(), {}

    def run(name, work, hold):
        try:
            with transaction.atomic():
                work()
                begun.set()
                time.sleep(hold)
        except Exception as error:
            raised[name] = error
        finally:
            begun.set()
            connection.close()

    threads = [threading.Thread(target=run, args=("first", first, 0.3))]
    threads[0].start()
    begun.wait(10)
    threads.append(threading.Thread(target=run, args=("second", second, 0)))
    threads[1].start()
    for thread in threads:
        thread.join(30)
    return raised.get("first"), raised.get("second")


def is_settled():
    report = populate()
    return not any(
        (
            report.static_created,
            report.dhcp_created,
            report.freed,
            report.deleted,
            report.moved,
            report.refused,
        )
    )


def make_subnet():
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.20"])


def make_server():
    ServerFactory(ip_address="10.0.0.5")


@pytest.mark.parametrize(
    "pair",
    [(make_subnet, make_server), (make_server, make_subnet)],
    ids=["subnet first", "server first"],
)
def test_a_server_saved_while_its_subnet_is_made_finds_it(pair):
    assert at_once(*pair) == (None, None)
    assert is_settled()


@pytest.mark.parametrize("server_first", [True, False])
def test_a_server_saved_while_its_subnet_is_deleted_is_unplaced_or_keeps_it(server_first):
    make_subnet()
    pair = (
        (make_server, Subnet.objects.get().delete)
        if server_first
        else (Subnet.objects.get().delete, make_server)
    )
    first, second = at_once(*pair)
    assert first is None
    assert (second is None) != server_first  # an address in use keeps its subnet
    assert is_settled()


def test_a_subnet_is_not_deleted_under_an_allocation_that_is_not_yet_committed():
    make_subnet()
    subnet = Subnet.objects.get()
    first, second = at_once(
        lambda: allocate(subnet, vm_id="srv-1").row, Subnet.objects.get().delete
    )
    assert first is None
    assert "srv-1" in str(second)


def test_a_server_without_mac_and_a_dhcp_pool_over_its_address_do_not_both_come():
    subnet = SubnetFactory(network="10.0.0.0/24")
    first, second = at_once(
        lambda: ServerFactory(ip_address="10.0.0.50", mac_address=None),
        lambda: PoolFactory(subnet=subnet, first="10.0.0.40", last="10.0.0.60", kind="dhcp"),
    )
    assert first is None
    assert "MAC" in str(second)


def test_one_mac_is_not_given_to_an_interface_and_another_server_at_once():
    owner = ServerFactory(hostname="web-1")
    first, second = at_once(
        lambda: Interface.objects.create(
            server=owner, name="eth1", mac_address="02:00:00:00:aa:01"
        ),
        lambda: ServerFactory(mac_address="02:00:00:00:aa:01"),
    )
    assert first is None
    assert "web-1" in str(second)


def test_overlapping_pools_made_at_once_are_refused_but_for_one():
    subnet = SubnetFactory(network="10.0.0.0/24")
    first, second = at_once(
        lambda: PoolFactory(subnet=subnet, first="10.0.0.1", last="10.0.0.9"),
        lambda: PoolFactory(subnet=subnet, first="10.0.0.9", last="10.0.0.20"),
    )
    assert first is None
    assert "overlaps" in str(second)
    assert Pool.objects.count() == 1


def test_many_changes_at_once_meet_no_deadlock():
    for n in range(4):
        SubnetFactory(network=f"10.0.{n}.0/24", static_ip_pools=[f"10.0.{n}.1-10.0.{n}.30"])
    servers = [ServerFactory(ip_address=f"10.0.0.{n + 1}") for n in range(4)]
    raised = []

    def wander(number):
        try:
            for step in range(5):
                servers[number].ip_address = f"10.0.{(number + step) % 4}.{number + 20}"
                servers[number].save()
                subnet = Subnet.objects.get(network=f"10.0.{number}.0/24")
                subnet.gateway = subnet.network[40 + step]
                subnet.save()
                allocate(subnet)
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=wander, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert raised == []
    assert is_settled()
    assert Server.objects.count() == 4


@only(POSTGRESQL)
@pytest.mark.parametrize(
    "free", [lambda row: pool.release("vm-1"), lambda row: pool.release_by_ip(str(row))]
)
def test_who_frees_a_vm_s_address_locks_the_ledger_before_the_row(free):
    row, _subnet = pool.allocate("vm-1")
    with CaptureQueriesContext(connection) as queries:
        free(row)
    asked = [query["sql"] for query in queries]
    assert next(i for i, sql in enumerate(asked) if "LOCK TABLE" in sql) < next(
        i for i, sql in enumerate(asked) if "FOR UPDATE" in sql
    )
