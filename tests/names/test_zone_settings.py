"""What other name servers are told of a zone: SOA, NS, TTLs, delegations, and a serial that only
grows."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from dhcp.files.candidate import build
from dhcp.files.targets import Target
from ipam.models import Server
from names.models import Record, SerialStep, Zone
from names.zones import serial
from names.zones.served import of_zone
from names.zones.transfer import export_zone
from names.zones.worker import SumUpSerial
from tests.dhcp.test_conf_helper import helper
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support import require
from tests.support.by_hand import POSTGRESQL, by_hand, only

pytestmark = pytest.mark.django_db


def record(zone, name, kind, value, **facts):
    return Record.objects.create(zone=zone, name=name, type=kind, value=value, **facts)


def served(zone, *kinds):
    return [(one.name, one.value) for one in of_zone(zone, "", 7) if one.type in kinds]


def test_the_soa_has_what_the_zone_says(zone):
    (soa,) = served(zone, "SOA")
    times = "7 14400 3600 1209600 60"
    assert soa[1] == f"ns.corp.example hostmaster.corp.example {times}"
    record(zone, "@", "NS", "ns2.corp.example.")
    record(zone, "@", "NS", "ns1.other.example")
    assert served(zone, "SOA")[0][1].startswith("ns1.other.example ")
    zone.primary_server, zone.contact, zone.negative_ttl = "Ns9.corp.example.", "a.b@c.example", 5
    zone.save()
    assert served(zone, "SOA")[0][1] == "ns9.corp.example a\\.b.c.example 7 14400 3600 1209600 5"
    assert served(zone, "NS") == [
        ("corp.example", "ns1.other.example"),
        ("corp.example", "ns2.corp.example"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("primary_server", "a..b"),
        ("contact", "nobody"),
        ("contact", '"a;b"@corp.example'),
        ("contact", '"a\\ b"@corp.example'),
        ("contact", "a@[127.0.0.1]"),
        ("contact", "a" * 64 + "@corp.example"),
        ("ttl", 604_801),
        ("retry", 59),
        ("retry", 14_401),
        ("expire", 18_000),
    ],
)
def test_a_value_that_no_secondary_could_follow_is_refused_at_its_field(zone, field, value):
    setattr(zone, field, value)
    with pytest.raises(ValidationError) as refused:
        zone.save()
    assert list(refused.value.message_dict) == [field]


@require.mark("named-checkzone")
def test_bind_reads_the_exported_zone(zone, subnet, tmp_path):
    zone.ttl = 300
    zone.save()
    ServerFactory(hostname="ns1", ip_address="10.1.0.5")
    ServerFactory(hostname="lab", ip_address="10.1.0.6")
    record(zone, "@", "NS", "ns1.corp.example")
    record(zone, "www", "CNAME", "lab.corp.example", ttl=5)
    record(zone, "@", "TXT", "v=spf1 ; -all")
    record(zone, "@", "CAA", "0 issue ca.example")
    record(zone, "sub", "NS", "ns.sub.corp.example")
    record(zone, "ns.sub", "A", "192.0.2.1")
    path = tmp_path / "zone"
    path.write_text(export_zone(zone))
    command = ["named-checkzone", "-D", "-i", "full", "corp.example", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["www.corp.example.", "5", "IN", "CNAME", "lab.corp.example."] in lines
    assert ["lab.corp.example.", "300", "IN", "A", "10.1.0.6"] in lines
    assert "warning" not in done.stderr


def test_an_address_is_told_with_the_ttl_of_its_record(zone):
    record(zone, "a", "A", "192.0.2.1", ttl=5)
    assert "a.corp.example. 5 A 192.0.2.1" in export_zone(zone)


def test_a_ttl_of_0_is_written_as_such(zone):
    record(zone, "a", "TXT", "x", ttl=0)
    assert "a.corp.example. 0 TXT" in export_zone(zone)


def test_a_record_that_two_zones_have_with_different_ttls_is_told(zone):
    lab = Zone.objects.create(name="lab.corp.example")
    record(zone, "lab", "NS", "ns.lab.corp.example")
    record(lab, "@", "NS", "ns.lab.corp.example", ttl=5)
    assert "lab.corp.example. 5 NS ns.lab.corp.example." in export_zone(zone)


def test_what_is_below_a_delegation_is_refused_but_its_glue(zone, subnet, settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    record(zone, "sub", "NS", "ns.sub.corp.example")
    record(zone, "ns.sub", "A", "192.0.2.1")
    for name, kind, value in (
        ("a.sub", "TXT", "x"),
        ("sub", "MX", "1 a.b"),
        ("b.sub", "A", "192.0.2.2"),
    ):
        with pytest.raises(
            ValidationError, match=r"sub.corp.example belongs to other name servers"
        ):
            record(zone, name, kind, value)
    ServerFactory(hostname="web.sub.corp.example", ip_address="10.1.0.5")
    candidate = build(Target.of(None))
    (problem,) = candidate.problems
    text = "web.sub.corp.example is in sub.corp.example, which other name servers have"
    assert problem.reason == text
    assert served(zone, "A") == [("ns.sub.corp.example", "192.0.2.1")]
    assert b"server=/sub.corp.example/192.0.2.1\n" in candidate.new.conf
    assert helper.Grammar(candidate.target.directory, []).complaints(candidate.new.conf) == []


def test_a_zone_inside_another_one_is_delegated_to_its_own_servers(zone, subnet):
    lab = Zone.objects.create(name="lab.corp.example")
    record(lab, "@", "NS", "ns1.lab.corp.example")
    ServerFactory(hostname="ns1.lab.corp.example", ip_address="10.1.0.5")
    ServerFactory(hostname="a.lab.corp.example", ip_address="10.1.0.6")
    assert served(zone, "A") == [("ns1.lab.corp.example", "10.1.0.5")]
    assert ("lab.corp.example", "ns1.lab.corp.example") in served(zone, "NS")
    assert len(served(lab, "A")) == 2


# --- the serial -----------------------------------------------------------------------------------


def grown(change):
    before = serial.current()
    change()
    return serial.current() - before


def test_every_change_raises_the_serial_and_nothing_lowers_it(zone, subnet):
    server = ServerFactory(hostname="web", ip_address="10.1.0.5")

    def rename():
        server.hostname = "www"
        server.save()

    assert grown(rename) == 1
    assert grown(lambda: by_hand("UPDATE hosts SET hostname = 'db'")) == 1
    assert grown(lambda: record(zone, "x", "TXT", "y")) == 1
    assert grown(server.delete) >= 1
    assert (
        grown(lambda: Zone.objects.update_or_create(name="corp.example", defaults={"ttl": 5})) == 1
    )
    assert grown(serial.put_together) == 0
    assert SerialStep.objects.count() == 1


def test_a_change_that_is_not_committed_raises_nothing(zone, subnet):
    def fail():
        with transaction.atomic():
            ServerFactory(hostname="web", ip_address="10.1.0.5")
            raise IntegrityError

    def change():
        with pytest.raises(IntegrityError):
            fail()

    assert grown(change) == 0 and not Server.objects.exists()


def test_without_a_zone_nothing_is_counted(db):
    subnet = SubnetFactory(network="10.1.0.0/24", domain="corp.example")
    assert grown(lambda: ServerFactory(hostname="web", ip_address="10.1.0.5")) == 0
    assert grown(subnet.save) == 0


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_slow_commit_raises_the_serial_after_a_quicker_one_that_waits_for_nobody(db):
    """Whoever has read the serial in between has not seen the slow change, and is told later."""
    Zone.objects.create(name="corp.example")
    change = "INSERT INTO dhcp_changes (kind) VALUES ('ledger')"

    def quick():
        by_hand(change)
        found = serial.current()
        connection.close()
        return found

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            by_hand(change)
            between = thread.submit(quick).result(timeout=10)
        assert serial.current() == between + 1


def test_the_worker_keeps_the_rows_few(zone, monkeypatch):
    monkeypatch.setattr(serial, "MANY", 3)
    for number in range(5):
        record(zone, f"x{number}", "TXT", "y")
    before = serial.current()
    SumUpSerial().work()
    assert (SerialStep.objects.count(), serial.current()) == (1, before)
    SumUpSerial().work()
    assert SerialStep.objects.count() == 1


def test_after_a_restore_the_serial_passes_all_that_were_seen(zone):
    """Also those of many changes in one second, which the backup does not know."""
    SerialStep.objects.all().delete()
    SerialStep.objects.create(amount=1_000)
    serial.raise_after_restore()
    first = serial.current()
    assert first > 1_700_000_000
    seen = first + 10_000
    serial.raise_after_restore()
    assert seen < serial.current() < seen + 2**31
