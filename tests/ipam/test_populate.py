"""`populate_ipam`: the seed's figures, from the database, again and again alike."""

import json
import sys
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import Interface, IPAddress, Server
from ipam.placement.populate import populate, totals
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
)

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "data" / "overwatch"
SEED = {"records": 687, "available": 582, "allocated": 105, "reserved": 0, "quarantine": 0}


def run(*arguments):
    out = StringIO()
    call_command("populate_ipam", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def overwatch():
    call_command("import_csv", "subnets", DATA / "subnets.csv", stdout=sys.stdout)
    call_command("import_csv", "servers", DATA / "servers.csv", stdout=sys.stdout)


def state():
    columns = (
        "vrf",
        "subnet",
        "ip_address",
        "status",
        "ip_type",
        "server",
        "hostname",
        "mac_address",
        "platform",
        "manufacturer",
        "description",
        "vm_id",
    )
    return set(IPAddress.objects.values_list(*columns))


# --- the seed's network ---


def test_the_signals_alone_reach_the_seeds_figures(overwatch):
    assert totals() == SEED


def test_populating_then_creates_and_updates_nothing(overwatch):
    before = set(IPAddress.objects.values_list("pk", "updated_at"))

    text = run()

    assert "Created 0 static IP records from pools\n" in text
    assert "Updated 0 IP records from existing servers\n" in text
    assert "Added 0 dhcp IP records" in text
    assert "Skipped 105 IP records of servers" in text
    assert "Total: 687 IP records (582 available, 105 allocated, 0 reserved, 0 quarantine)" in text
    assert set(IPAddress.objects.values_list("pk", "updated_at")) == before


def test_clearing_prints_the_seeds_figures(overwatch):
    before = state()

    text = run("--clear")

    assert "Created 654 static IP records from pools\n" in text
    assert "Updated 72 IP records from existing servers\n" in text
    assert "Added 33 dhcp IP records for servers outside the static pools\n" in text
    assert "Total: 687 IP records (582 available, 105 allocated, 0 reserved, 0 quarantine)" in text
    assert state() == before


def test_clearing_twice_reports_the_same(overwatch):
    assert run("--clear") == run("--clear")


def test_json_has_the_same_figures(overwatch):
    report = json.loads(run("--clear", "--json"))

    assert (report["static_created"], report["static_updated"], report["dhcp_created"]) == (
        654,
        72,
        33,
    )
    assert report["totals"] == SEED


def test_what_people_and_vms_hold_survives_a_clear(overwatch):
    kept = [
        allocate(wanted="10.112.10.10", vm_id="vm-1", hostname="vm-one").row,
        allocate(wanted="10.112.10.11", hostname="no-vm").row,
        reserve(find("10.112.10.13"), "for a printer"),
        quarantine(find("10.112.10.14"), "answers twice"),
        reserve(find("10.112.10.240"), "outside the pools"),
    ]

    text = run("--clear")

    for row in kept:
        again = IPAddress.objects.get(pk=row.pk)
        assert (again.status, again.vm_id, again.hostname, again.description) == (
            row.status,
            row.vm_id,
            row.hostname,
            row.description,
        )
    assert "Created 650 static IP records from pools\n" in text
    assert "Total: 688 IP records (578 available, 107 allocated, 2 reserved, 1 quarantine)" in text


# --- another network ---


def test_counts_come_from_the_database():
    subnet = SubnetFactory(
        network="192.0.2.0/26",
        gateway="192.0.2.1",
        static_ip_pools=["192.0.2.1-192.0.2.5", "192.0.2.9"],
    )
    inside = ServerFactory(ip_address="192.0.2.2")
    InterfaceFactory(server=inside, ip_address="192.0.2.9")
    ServerFactory(ip_address="192.0.2.40")
    ServerFactory(ip_address="203.0.113.7")
    ServerFactory()

    text = run("--clear")

    assert "Created 5 static IP records from pools\n" in text
    assert "Updated 2 IP records from existing servers\n" in text
    assert "Added 2 dhcp IP records" in text
    assert (
        f"Warning: gateway in a static pool, without a record: 192.0.2.1 ({subnet}, "
        f"192.0.2.1-192.0.2.5)" in text
    )
    assert "Total: 7 IP records (3 available, 4 allocated, 0 reserved, 0 quarantine)" in text


def test_an_empty_database_has_nothing_to_do():
    assert "Total: 0 IP records (0 available, 0 allocated, 0 reserved, 0 quarantine)" in run()


def test_a_large_pool_is_not_written_out():
    SubnetFactory(network="10.0.0.0/8", static_ip_pools=["10.0.0.1-10.255.255.254"])
    ServerFactory(ip_address="10.7.7.7")

    report = populate(clear=True)

    assert (report.static_created, report.static_updated, report.totals["records"]) == (1, 1, 1)


# --- what was done behind the ledger's back ---


def behind_the_back(queryset, **columns):
    """As raw SQL would: no signal, no history."""
    queryset.model._base_manager.filter(pk__in=queryset.values("pk")).update(**columns)


def test_missing_rows_are_made_and_wrong_ones_mended():
    subnet = SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.10-192.0.2.19"])
    server = ServerFactory(ip_address="192.0.2.10")
    right = state()
    IPAddress.objects.filter(ip_address__in=["192.0.2.15", "192.0.2.16"]).delete()
    behind_the_back(
        IPAddress.objects.filter(ip_address="192.0.2.10"),
        hostname="wrong",
        subnet=None,
        ip_type="dhcp",
    )
    IPAddressFactory(ip_address="192.0.2.77")

    report = populate()

    assert (report.static_created, report.moved, report.static_updated, report.deleted) == (
        2,
        1,
        1,
        1,
    )
    assert state() == right
    assert IPAddress.objects.get(server=server).subnet == subnet


def test_a_server_moved_behind_the_back_gets_its_new_row_and_frees_the_old_one():
    SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.10-192.0.2.19"])
    server = ServerFactory(ip_address="192.0.2.10")
    behind_the_back(Server.objects.all(), ip_address="192.0.2.11")

    report = populate()

    assert (report.freed, report.static_updated) == (1, 1)
    assert IPAddress.objects.get(server=server).ip_address == Server.objects.get().ip_address


def test_servers_that_swapped_behind_the_back_swap_their_rows():
    one, two = ServerFactory(ip_address="192.0.2.10"), ServerFactory(ip_address="192.0.2.11")
    behind_the_back(Server.objects.filter(pk=one.pk), ip_address=None)
    behind_the_back(Server.objects.filter(pk=two.pk), ip_address="192.0.2.10")
    behind_the_back(Server.objects.filter(pk=one.pk), ip_address="192.0.2.11")

    populate()

    assert IPAddress.objects.get(ip_address="192.0.2.10").server == two
    assert IPAddress.objects.get(ip_address="192.0.2.11").server == one


def test_an_address_that_others_hold_is_reported_and_left():
    allocate(SubnetFactory(network="192.0.2.0/24"), wanted="192.0.2.5", vm_id="vm-1")
    server = ServerFactory(hostname="web", ip_address="192.0.2.6")
    behind_the_back(Server.objects.all(), ip_address="192.0.2.5")

    first, second = populate(), populate()

    assert first.refused == second.refused == ["192.0.2.5 of server “web” is taken by VM “vm-1”."]
    assert IPAddress.objects.get(ip_address="192.0.2.5").vm_id == "vm-1"
    assert not IPAddress.objects.filter(server=server).exists()


@pytest.mark.parametrize("first", ["server", "interface"])
def test_two_machines_behind_one_address_do_not_take_it_from_each_other(first, monkeypatch):
    monkeypatch.setattr("ipam.placement.populate.BATCH", 1)
    owners = [
        ServerFactory(hostname=name)
        for name in (("web", "db") if first == "server" else ("db", "web"))
    ]
    web, db = sorted(owners, key=lambda server: server.hostname, reverse=True)
    nic = InterfaceFactory(server=db, ip_address="192.0.2.6")
    behind_the_back(Server.objects.filter(pk=web.pk), ip_address="192.0.2.6")

    reports = [populate(), populate()]

    assert [len(report.refused) for report in reports] == [1, 1]
    assert reports[1].static_updated + reports[1].dhcp_updated == 0
    assert IPAddress.objects.get(ip_address=nic.ip_address).server == db


def test_bulk_writes_cannot_take_an_address_from_an_interface():
    nic = InterfaceFactory(ip_address="192.0.2.6")

    with pytest.raises(Exception, match=f"taken by server “{nic.server}”"):
        Server.objects.bulk_create([Server(hostname="thief", ip_address="192.0.2.6")])

    with pytest.raises(Exception, match="taken by server"):
        other = ServerFactory(ip_address="192.0.2.7")
        Interface.objects.bulk_create(
            [Interface(server=nic.server, name="x", ip_address=other.ip_address)]
        )


# --- cost ---


def test_the_number_of_queries_does_not_grow_with_the_rows():
    subnet = SubnetFactory(network="192.0.2.0/24")
    PoolFactory(subnet=subnet, first="192.0.2.10", last="192.0.2.200")

    def queries(count):
        first = Server.objects.count() + 10
        Server.objects.bulk_create(
            Server(hostname=f"s{number}", ip_address=subnet.network[number])
            for number in range(first, first + count)
        )
        counted = []
        for clear in (False, True):
            with CaptureQueriesContext(connection) as captured:
                populate(clear=clear)
            counted.append(len(captured))
        return counted

    few, many = queries(15), queries(45)

    # SQLite inserts 60 rows in two statements.
    assert all(more <= less + 2 for less, more in zip(few, many, strict=True))
    assert max(many) < 40


# --- meanwhile ---


@pytest.mark.django_db(transaction=True)
def test_an_allocation_made_meanwhile_is_not_taken_back():
    subnet = SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.10-192.0.2.19"])
    behind_the_back(IPAddress.objects.filter(ip_address="192.0.2.15"), subnet=None)
    other = threading.Thread(target=allocate_elsewhere, args=(subnet, "192.0.2.15"))

    def meanwhile(what, done, total):
        if what == "rows":
            other.start()
            other.join(2)  # PostgreSQL lets it through, SQLite makes it wait for us

    populate(progress=meanwhile)
    other.join()

    row = IPAddress.objects.get(ip_address="192.0.2.15")
    assert (row.vm_id, row.status, row.subnet) == ("vm-1", "allocated", subnet)


def allocate_elsewhere(subnet, address):
    try:
        allocate(subnet, wanted=address, vm_id="vm-1")
    finally:
        connection.close()
