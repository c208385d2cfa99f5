"""dhcp.leases.ingest: the ledger's sightings say what the lease file says; reading it again changes
nothing."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.utils import timezone

from dhcp.leases import ingest as module
from dhcp.leases.ingest import KEPT, Ingested, LeaseFileWatcher, ingest, read_stable
from dhcp.leases.lease_file import FOREVER, LeaseRecord
from dhcp.worker import DhcpWorker
from ipam.allocate import allocate
from ipam.models import IPAddress, Sighting, Subnet
from tests.ipam.admin_forms import queries_in

pytestmark = pytest.mark.django_db

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
NOW = timezone.now().replace(microsecond=0)
LATER = NOW + timedelta(hours=1)


def lease(number=9, mac=A, until=LATER, **more):
    return LeaseRecord(ip_address(f"10.77.0.{number}"), mac, until, **more)


def only():
    return Sighting.objects.get()


def test_a_lease_becomes_a_sighting():
    assert ingest([lease(hostname="web")], NOW) == Ingested(new=1)
    row = only()
    assert (str(row.ip_address), row.mac_address, row.hostname) == ("10.77.0.9", A, "web")
    assert (row.source, row.seen_at, row.leased_until) == ("lease", NOW, LATER)


def test_the_same_file_again_changes_nothing():
    ingest([lease(), lease(10, None, duid="00:02:ab")], NOW)
    assert ingest([lease(), lease(10, None, duid="00:02:ab")], LATER) == Ingested()


def test_a_renewed_lease_was_seen_now():
    ingest([lease()], NOW)
    assert ingest([lease(until=FOREVER)], LATER - timedelta(minutes=1)) == Ingested(renewed=1)
    assert (only().seen_at, only().leased_until) == (LATER - timedelta(minutes=1), FOREVER)


def test_a_vanished_lease_ends_and_its_holder_is_remembered():
    ingest([lease()], NOW)
    soon = NOW + timedelta(minutes=1)
    assert ingest([], soon) == Ingested(ended=1)
    assert (only().leased_until, only().seen_at) == (soon, NOW)
    assert ingest([], LATER) == Ingested()


def test_a_lease_that_was_over_before_is_not_seen_now():
    ingest([lease(until=NOW - timedelta(days=1))], NOW)
    assert only().seen_at == NOW - timedelta(days=1)


def test_an_address_that_changes_hands_is_the_new_one_s():
    ingest([lease()], NOW)
    ingest([lease(mac=B)], NOW + timedelta(minutes=1))
    live = Sighting.objects.filter(leased_until__gt=NOW + timedelta(minutes=1))
    assert [row.mac_address for row in live] == [B]


def test_who_came_back_has_one_row():
    for found in ([lease()], [], [lease()]):
        ingest(found, NOW)
    assert only().leased_until == LATER


def test_other_evidence_is_left_alone():
    ping = Sighting.objects.create(ip_address="10.77.0.9", source="ping", seen_at=NOW - KEPT * 2)
    ingest([], NOW)
    assert only() == ping


def test_what_ended_long_ago_is_forgotten():
    ingest([lease(until=NOW - KEPT - timedelta(days=1)), lease(10)], NOW)
    assert str(only().ip_address) == "10.77.0.10"


def test_a_leased_address_is_given_to_nobody_else():
    subnet = Subnet.objects.create(network="10.77.0.0/24", static_ip_pools=["10.77.0.9-10.77.0.10"])
    ingest([lease(until=FOREVER)])
    assert str(allocate(subnet, mac_address=B).row.ip_address) == "10.77.0.10"
    assert str(allocate(subnet, mac_address=A).row.ip_address) == "10.77.0.9"
    assert not IPAddress.objects.filter(status="available").exists()


def test_a_thousand_renewals_cost_as_many_queries_as_ten():
    def found(count, until):
        return [
            LeaseRecord(
                ip_address("10.77.0.0") + n, f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", until
            )
            for n in range(count)
        ]

    ingest(found(1000, LATER), NOW)
    many = queries_in(lambda: ingest(found(1000, FOREVER), NOW))
    ingest(found(10, FOREVER), NOW)
    assert queries_in(lambda: ingest(found(10, LATER), NOW)) == many


def test_new_leases_come_and_all_of_them_end_in_batches_not_one_by_one():
    """SQLite takes some hundred rows in one statement, PostgreSQL all of them."""

    def found(count):
        return [
            LeaseRecord(
                ip_address("10.77.0.0") + n, f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", LATER
            )
            for n in range(count)
        ]

    assert queries_in(lambda: ingest(found(2000), NOW)) <= 60
    ended = queries_in(lambda: ingest([], NOW))
    ingest(found(10), NOW)
    assert queries_in(lambda: ingest([], NOW)) == ended


# --- the file -------------------------------------------------------------------------------------


class Clock:
    time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(tmp_path, clock):
    return LeaseFileWatcher(tmp_path / "leases", clock)


def look(watch, clock):
    clock.time += 60
    return watch.poll()


def line(mac=A, ip="10.77.0.9"):
    return f"{int(LATER.timestamp())} {mac} {ip} web *\n"


def test_it_reads_the_file_when_that_has_changed(watch, clock, monkeypatch):
    assert look(watch, clock) == Ingested()  # there is none yet
    watch.path.write_text(line())
    assert look(watch, clock) == Ingested(new=1)
    with monkeypatch.context() as patched:
        patched.setattr(module, "read_stable", None)
        look(watch, clock)
    watch.path.write_text(line() + line(B, "10.77.0.10"))
    assert look(watch, clock) == Ingested(new=1)


def test_a_busy_file_is_not_read_all_the_time(watch, clock):
    watch.path.write_text(line())
    watch.poll()
    watch.path.write_text("")
    clock.time += 0.5
    assert watch.poll() == Ingested()
    clock.time += module.EVERY
    assert watch.poll() == Ingested(ended=1)


def test_a_file_that_is_gone_ends_no_lease(watch, clock):
    watch.path.write_text(line())
    look(watch, clock)
    watch.path.unlink()
    look(watch, clock)
    assert only().leased_until == LATER


def test_half_a_file_is_not_believed(tmp_path):
    path = tmp_path / "leases"
    path.write_text(line() + "17636")
    with pytest.raises(OSError, match="changes all the time"):
        read_stable(path)


def test_a_device_in_the_place_of_the_file_ends_no_lease(clock, caplog):
    ingest([lease()])
    assert not look(LeaseFileWatcher(Path("/dev/null"), clock), clock)
    assert only().leased_until == LATER and "not a regular file" in caplog.text


def test_what_cannot_be_read_is_said_once(watch, clock, caplog):
    watch.path.mkdir()
    for _ in range(3):
        look(watch, clock)
    assert len(caplog.records) == 1 and "Is a directory" in caplog.text


def test_a_database_that_is_away_delays_the_reading(watch, clock, monkeypatch, caplog):
    def gone(found):
        raise DatabaseError("gone")

    watch.path.write_text(line())
    with monkeypatch.context() as patched:
        patched.setattr(module, "ingest", gone)
        look(watch, clock)
    assert "gone" in caplog.text
    assert look(watch, clock) == Ingested(new=1)


@pytest.mark.django_db(transaction=True)
def test_the_worker_reads_the_leases(target, settings):
    settings.DNSMASQ_LEASES.write_text(line())
    DhcpWorker().tick_all()
    assert only().mac_address == A


@pytest.mark.django_db(transaction=True)
def test_a_real_client_s_lease_comes_and_goes(lab):
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.reload()
    watch = LeaseFileWatcher(lab.leases, clock := Clock())
    lab.client.acquire(A)
    assert look(watch, clock) == Ingested(new=1)
    assert (only().mac_address, only().hostname) == (A, "web")
    lab.client.release(A, "10.77.0.9")
    lab.wait(lambda: lab.lease_names() == {}, "the lease stays")
    assert look(watch, clock) == Ingested(ended=1)


# --- several lease files --------------------------------------------------------------------------


def test_one_server_s_file_ends_no_lease_of_another_s():
    ingest([lease()], NOW, "berlin")
    assert ingest([], NOW) == Ingested()
    assert ingest([], NOW, "berlin") == Ingested(ended=1)


def test_of_two_files_with_the_same_lease_the_one_that_says_it_lasts_longer_tells():
    ingest([lease()], NOW, "berlin")
    assert ingest([lease(until=FOREVER)], NOW) == Ingested(renewed=1)
    assert ingest([lease()], NOW, "berlin") == Ingested()
    assert (only().origin, only().leased_until) == ("", FOREVER)
