"""dhcp.outbox: a change is noted with the change itself, and told once, after the commit."""

import threading
import time
from types import SimpleNamespace

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import connection, transaction
from simple_history.models import HistoricalRecords

from dhcp import outbox
from dhcp.daemon import reload_throttle
from dhcp.files import snapshot, sync
from dhcp.models import DhcpChange, Generation
from dhcp.worker import DhcpWorker
from ipam.models import VRF, Interface, IPAddress, Server, Subnet

pytestmark = pytest.mark.django_db(transaction=True)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def subnet(target):
    return Subnet.objects.create(network="10.77.0.0/24")


@pytest.fixture
def web(subnet):
    return Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")


@pytest.fixture
def by_worker(settings, target):
    """Changes are only noted, so that a test can look at the rows."""
    settings.DHCP_SYNC = "worker"


@pytest.fixture
def syncs(monkeypatch):
    """How often somebody synced."""
    calls = []
    monkeypatch.setattr(sync, "inline", lambda: calls.append(True))
    return calls


def lines(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


def noted():
    return list(DhcpChange.objects.values_list("kind", "action", "label"))


# --- what reaches the file ------------------------------------------------------------------------


def test_a_committed_server_stands_in_the_file(target, web):
    assert lines(target) == [f"{A},10.77.0.9,web"]
    assert noted() == []


def test_a_rolled_back_server_does_not(target, subnet):
    before = target.hosts.read_bytes()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
        1 / 0  # noqa: B018
    assert target.hosts.read_bytes() == before
    assert noted() == []


def test_a_rollback_does_not_silence_the_next_commit(target, subnet):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
        1 / 0  # noqa: B018
    Server.objects.create(hostname="shop", mac_address=A, ip_address="10.77.0.9")
    assert lines(target) == [f"{A},10.77.0.9,shop"]


def test_a_rolled_back_savepoint_keeps_the_rest_of_its_transaction(target, web):
    with transaction.atomic():
        web.hostname = "shop"
        web.save()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Server.objects.create(hostname="mail", mac_address=B, ip_address="10.77.0.10")
            1 / 0  # noqa: B018
    assert lines(target) == [f"{A},10.77.0.9,shop"]


def test_fifty_rolled_back_transactions_leave_no_trace(target, web):
    before = target.hosts.read_bytes(), target.hosts.stat().st_ino
    for _ in range(50):
        with transaction.atomic():
            web.hostname = "shop"
            web.save()
            transaction.set_rollback(True)
    assert (target.hosts.read_bytes(), target.hosts.stat().st_ino) == before
    assert noted() == []


def test_a_deleted_server_leaves_the_file(target, web):
    web.delete()
    assert lines(target) == []


def test_a_server_takes_its_interfaces_along(target, web):
    Interface.objects.create(server=web, name="ipmi", mac_address=B, ip_address="10.77.0.19")
    assert len(lines(target)) == 2
    web.delete()
    assert lines(target) == []


def test_deleting_many_at_once_empties_the_file(target, web):
    Server.objects.create(hostname="shop", mac_address=B, ip_address="10.77.0.10")
    Server.objects.all().delete()
    assert lines(target) == []


def test_bulk_writes_reach_the_file(target, web):
    Server.objects.update(hostname="shop")
    assert lines(target) == [f"{A},10.77.0.9,shop"]


def test_a_loaded_fixture_reaches_the_file(target, web, tmp_path):
    fixture = tmp_path / "ledger.json"
    fixture.write_text(
        serializers.serialize("json", [*Subnet.objects.all(), web]).replace('"web"', '"shop"')
    )
    call_command("loaddata", fixture, verbosity=0)
    assert lines(target) == [f"{A},10.77.0.9,shop"]


def test_many_saves_of_one_transaction_are_one_sync(syncs, subnet):
    syncs.clear()
    with transaction.atomic():
        for number in range(20, 60):
            Server.objects.create(
                hostname=f"s{number}",
                mac_address=f"02:00:00:00:00:{number}",
                ip_address=f"10.77.0.{number}",
            )
    assert len(syncs) == 1


# --- what is noted --------------------------------------------------------------------------------


def test_a_new_a_changed_and_a_deleted_server_are_noted(by_worker, web):
    web.hostname = "shop"
    web.save()
    web.delete()
    assert noted()[1:] == [
        ("server", "add", "web"),
        ("server", "change", "shop"),
        ("server", "delete", "shop"),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("hostname", "shop"),
        ("ip_address", "10.77.0.10"),
        ("mac_address", B),
        ("enabled", False),
        ("when_disabled", "ignored"),
        ("ip_address", None),
    ],
)
def test_a_column_that_dnsmasq_sees_is_noted_with_both_values(by_worker, web, column, value):
    DhcpChange.objects.all().delete()
    before = getattr(web, column)
    setattr(web, column, value)
    web.save()
    assert DhcpChange.objects.get().detail == f"{column}: {before} -> {value}"


@pytest.mark.parametrize(
    "column", ["description", "location", "device_type", "manufacturer", "lan_port"]
)
def test_any_other_column_is_not_noted(by_worker, web, column):
    DhcpChange.objects.all().delete()
    setattr(web, column, "new")
    web.save()
    assert noted() == []


def test_another_address_space_is_a_change(by_worker, web):
    DhcpChange.objects.all().delete()
    web.vrf = VRF.objects.create(name="lab")
    web.save()
    assert noted() == [("server", "change", "web")]


def test_an_address_that_a_vm_takes_is_not_noted(by_worker, subnet):
    DhcpChange.objects.all().delete()
    IPAddress.objects.create(
        ip_address="10.77.0.30", subnet=subnet, status="allocated", vm_id="vm-1"
    )
    assert noted() == []


def test_interfaces_and_subnets_are_noted_too(by_worker, web, subnet):
    DhcpChange.objects.all().delete()
    nic = Interface.objects.create(server=web, name="ipmi", mac_address=B, ip_address="10.77.0.19")
    nic.duid = "00:03:00:01:02:00:00:00:00:0b"
    nic.save()
    subnet.description = "told to nobody"
    subnet.save()
    subnet.gateway = "10.77.0.1"  # inherited by its scope
    subnet.save()
    Subnet.objects.create(network="10.78.0.0/24").delete()
    assert noted() == [
        ("interface", "add", "web ipmi"),
        ("interface", "change", "web ipmi"),
        ("subnet", "change", "10.77.0.0/24"),
        ("subnet", "add", "10.78.0.0/24"),
        ("subnet", "delete", "10.78.0.0/24"),
    ]


def test_fixtures_are_passed_over_row_by_row(by_worker, web):
    DhcpChange.objects.all().delete()
    with transaction.atomic():
        for row in serializers.deserialize("json", serializers.serialize("json", [web])):
            row.save()
        assert noted() == []


def test_a_bulk_write_of_many_rows_is_one_change(by_worker, subnet):
    DhcpChange.objects.all().delete()
    outbox.record_bulk(
        Server,
        [Server(pk=number, hostname=f"s{number}") for number in range(outbox.ONE_BY_ONE + 1)],
    )
    outbox.record_bulk(Server, None)
    outbox.record_bulk(Server, [])
    assert noted() == [("ledger", "change", "101 servers"), ("ledger", "change", "all servers")]


def test_it_is_noted_who_did_it(by_worker, subnet, monkeypatch, admin_user):
    monkeypatch.setattr(
        HistoricalRecords.context,
        "request",
        SimpleNamespace(user=admin_user, path="/admin/"),
        raising=False,
    )
    Server.objects.create(hostname="web")
    assert DhcpChange.objects.last().who == "admin"


# --- when it goes wrong ---------------------------------------------------------------------------


def test_a_failing_sync_keeps_the_change_and_the_save_succeeds(target, subnet, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere/dnsmasq.pid"
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")

    assert noted() == [("server", "add", "web")]
    assert "/nowhere/dnsmasq.pid" in Generation.objects.newest().reason

    settings.DNSMASQ_RELOAD = "none"
    assert sync.sync().result == "applied"
    assert noted() == []


def test_even_a_bug_in_the_sync_does_not_reach_who_saved(target, subnet, monkeypatch):
    monkeypatch.setattr(snapshot, "take", lambda server_id: 1 / 0)
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    assert noted() == [("server", "add", "web")]
    assert "ZeroDivisionError" in Generation.objects.newest().reason


def test_worker_mode_notes_and_touches_no_file(by_worker, web, target):
    assert len(noted()) == 2
    assert not target.hosts.exists()


# --- two at once ----------------------------------------------------------------------------------


def in_a_thread(work):
    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "pause", [0.05, 0.6], ids=["within the budget", "longer than a request may wait"]
)
def test_of_two_committers_the_slow_first_one_does_not_hide_the_second(
    target, subnet, monkeypatch, pause
):
    whole, has_read = snapshot.take, threading.Event()

    def slow_the_first_time(server_id):
        seen = whole(server_id)
        if not has_read.is_set():
            has_read.set()
            time.sleep(pause)
        return seen

    monkeypatch.setattr(snapshot, "take", slow_the_first_time)
    first = in_a_thread(
        lambda: Server.objects.create(hostname="first", mac_address=A, ip_address="10.77.0.9")
    )
    assert has_read.wait(10)
    Server.objects.create(hostname="second", mac_address=B, ip_address="10.77.0.10")
    first.join()

    if pause > sync.BUDGET:
        assert noted() == [("server", "add", "second")]
    if noted():  # on a busy machine the budget is too short for any pause
        time.sleep(reload_throttle.seconds_left(target.pace))
        DhcpWorker().tick_all()
    assert lines(target) == [f"{A},10.77.0.9,first", f"{B},10.77.0.10,second"]
    assert noted() == []


def test_a_change_that_is_committed_during_a_sync_is_not_forgotten(
    target, web, monkeypatch, settings
):
    whole = snapshot.take

    def overtaken(server_id):
        seen = whole(server_id)
        if not DhcpChange.objects.filter(label="late").exists():
            DhcpChange.objects.create(label="late")
        return seen

    monkeypatch.setattr(snapshot, "take", overtaken)
    DhcpChange.objects.create(label="early")
    sync.sync()
    assert noted() == [("ledger", "change", "late")]
