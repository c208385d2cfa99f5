"""Raw SQL on ip_addresses, direct or by way of another table, leaves one line of history for each
row that it changes; the site's own writes leave theirs, and no second one."""

import pytest
from django.db import connection
from django.utils import timezone

from ipam.allocate import allocate, find, quarantine, release, reserve
from ipam.models import Interface, IPAddress, Pool, Server
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.by_hand import POSTGRESQL, by_hand, delete, insert, only, update

pytestmark = pytest.mark.django_db
MAC = "02:00:00:00:00:0a"
FACTS = {
    "ip_address": "10.0.0.99",
    "status": "quarantine",
    "ip_type": "dhcp",
    "subnet_id": None,
    "active": False,
    "hostname": "web",
    "mac_address": MAC,
    "platform": "PC",
    "manufacturer": "Acme",
    "description": "for the scanner",
    "vm_id": None,
}


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=found, first="10.0.0.10", last="10.0.0.12")
    return found


@pytest.fixture
def used(subnet):
    return allocate(subnet, vm_id="vm").row


@pytest.fixture
def lines(subnet, request):
    """What has been written since the test began."""
    if "used" in request.fixturenames:
        request.getfixturevalue("used")
    before = set(IPAddress.history.values_list("history_id", flat=True))

    def written():
        found = IPAddress.history.exclude(history_id__in=before).order_by("history_id")
        return [(line.history_type, str(line.ip_address), line.status) for line in found]

    return written


def test_an_inserted_row_has_a_line_with_the_role(subnet, lines):
    insert(IPAddress, ip_address="10.0.0.50", status="reserved", description="printer")
    assert lines() == [("+", "10.0.0.50", "reserved")]
    line = IPAddress.history.latest("history_id")
    with connection.cursor() as cursor:
        role = "SQL"
        if POSTGRESQL:
            role = cursor.execute("SELECT session_user").fetchone()[0]
    assert (line.history_source, line.history_actor, line.history_user) == ("sql", role, None)
    assert line.history_change_reason.endswith("SQL)" if POSTGRESQL else "SQL")
    assert bool(line.history_change) == POSTGRESQL
    row = find("10.0.0.50")
    assert (line.id, line.description, line.created_at) == (row.pk, "printer", row.created_at)


@pytest.mark.parametrize("column", FACTS)
def test_a_change_of_any_documented_column_has_one_line(used, lines, column):
    update(used, **{column: FACTS[column]})
    assert [kind for kind, *_row in lines()] == ["~"]
    line, row = IPAddress.history.latest("history_id"), IPAddress.objects.get(pk=used.pk)
    assert getattr(line, column) == getattr(row, column) != getattr(used, column)


def test_nothing_changed_and_clocks_alone_leave_none(used, lines):
    now = timezone.now()
    update(used, vm_id="vm")
    update(used, created_at=now, updated_at=now, freed_at=now)
    assert lines() == []


def test_free_rows_come_move_and_go_without(subnet, lines):
    insert(IPAddress, ip_address="10.0.0.50")
    update(find("10.0.0.50"), subnet_id=subnet.pk, ip_type="dhcp", active=False)
    delete(find("10.0.0.50"))
    delete(Pool.objects.get())
    assert lines() == []


def test_a_deleted_row_that_was_used_has_one(used, lines):
    delete(used)
    assert lines() == [("-", "10.0.0.10", "allocated")]


def test_each_of_many_rows_has_its_own(subnet, lines):
    by_hand("UPDATE ip_addresses SET status = 'reserved'")
    assert sorted(lines()) == [("~", f"10.0.0.{last}", "reserved") for last in (10, 11, 12)]


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_the_rows_of_an_emptied_table_have_theirs(used, lines):
    by_hand("TRUNCATE ip_addresses CASCADE")
    assert lines() == [("-", "10.0.0.10", "allocated")]


@only(POSTGRESQL)
def test_a_deleted_subnet_s_used_rows_have_theirs(used, lines):
    delete(used.subnet)
    assert lines() == [("~", "10.0.0.10", "allocated")]


def test_addresses_that_servers_take_and_leave_have_one_each(subnet, lines):
    insert(Server, hostname="web", ip_address="10.0.0.10")
    web = Server.objects.get()
    insert(Interface, server_id=web.pk, name="eth1", ip_address="192.0.2.1")
    update(web, ip_address="10.0.0.11")
    update(Interface.objects.get(), ip_address="10.0.0.12")
    assert lines() == [
        ("~", "10.0.0.10", "allocated"),
        ("+", "192.0.2.1", "allocated"),
        ("~", "10.0.0.10", "available"),
        ("~", "10.0.0.11", "allocated"),
        ("-", "192.0.2.1", "allocated"),
        ("~", "10.0.0.12", "allocated"),
    ]
    delete(Interface.objects.get())
    delete(web)
    assert lines()[6:] == [("~", "10.0.0.12", "available"), ("~", "10.0.0.11", "available")]


def test_a_reservation_that_comes_back_has_one(subnet, lines):
    reserve(find("10.0.0.10"), "printer")
    insert(Server, hostname="web", ip_address="10.0.0.10")
    delete(Server.objects.get())
    assert [status for _kind, _address, status in lines()] == ["reserved", "allocated", "reserved"]


def test_what_the_site_writes_has_its_own_line_and_no_second(subnet, lines):
    row = allocate(subnet, vm_id="vm", mac_address=MAC).row
    allocate(subnet, vm_id="vm", hostname="shop")
    release(row)
    quarantine(find("10.0.0.11"))
    server = ServerFactory(ip_address="10.0.0.12")
    InterfaceFactory(server=server, ip_address="10.0.0.200")
    server.delete()
    assert len(lines()) == 8
    assert not IPAddress.history.filter(history_source="sql").exists()


@pytest.mark.django_db(transaction=True)
def test_neither_has_an_allocation_without_a_transaction_around_it(subnet, lines):
    """On PostgreSQL one statement does it, which says itself that the site writes."""
    row = allocate(subnet, vm_id="vm", mac_address=MAC).row
    assert lines() == [("~", "10.0.0.10", "allocated")]
    update(row, hostname="web")
    assert [kind for kind, *_row in lines()] == ["~", "~"]
