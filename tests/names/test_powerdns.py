"""PowerDNS on the ledger says what was committed in its next answer, and a secondary has it moments
later and keeps it while the database is away. PostgreSQL only."""

import os
import random

import pytest
from django.db import connection

from ipam.models import IPAddress, Server
from names.models import Record, Zone
from names.zones import file as zone_file
from names.zones.served import of_zone
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory
from tests.support import dns, require
from tests.support.by_hand import POSTGRESQL, by_hand, only
from tests.support.dns import NXDOMAIN
from tests.support.name_servers import ROLE, eventually, nsd, powerdns
from tests.support.postgres import free_port

pytestmark = [pytest.mark.django_db(transaction=True), require.mark("powerdns", "nsd")]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
COMMITS = 2000 if LONG else 40


@pytest.fixture
def servers(db, tmp_path):
    """The ports of PowerDNS and NSD, and NSD's directory."""
    zone = Zone.objects.create(name="corp.example")
    SubnetFactory(network="10.1.0.0/24", domain="corp.example", gateway="10.1.0.1")
    SubnetFactory(network="fd00:1::/64", domain="corp.example")
    Record.objects.create(zone=zone, name="@", type="NS", value="ns1.corp.example")
    secondary = free_port()
    zones = ["corp.example", "0.1.10.in-addr.arpa", "0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa"]
    with (
        powerdns(tmp_path / "pdns", secondary) as primary,
        nsd(tmp_path / "nsd", secondary, primary, zones) as home,
    ):
        yield primary, secondary, home


def pointer(ip):
    return ".".join(reversed(ip.split("."))) + ".in-addr.arpa"


@only(POSTGRESQL)
def test_what_is_committed_is_the_next_answer(servers):
    primary, secondary, home = servers
    chance = random.Random(7)
    for number in range(COMMITS):
        label, ip = f"m{chance.randrange(10)}", f"10.1.0.{chance.randrange(2, 30)}"
        row = Server.objects.filter(hostname=label).first()
        if row and chance.randrange(3) == 0:
            row.delete()
            assert dns.ask(primary, f"{label}.corp.example") == [NXDOMAIN], number
        elif not Server.objects.filter(ip_address=ip).exists():
            row = row or Server(hostname=label)
            row.ip_address = ip
            row.save()
            assert dns.ask(primary, f"{label}.corp.example") == [ip], number
            assert dns.ask(primary, pointer(ip), "PTR") == [f"{label}.corp.example"], number
    server = ServerFactory(hostname="six", ip_address="fd00:1::5")
    InterfaceFactory(server=server, name="bmc.0", ip_address="10.1.0.40")
    IPAddress.objects.create(ip_address="10.1.0.41", status="reserved", hostname="printer")
    by_hand("UPDATE hosts SET hostname = 'seven' WHERE hostname = 'six'")
    zone = Zone.objects.get()
    for name, kind, value in (
        ("www", "CNAME", "seven.corp.example"),
        ("@", "MX", "10 seven.corp.example"),
        ("_imap._tcp", "SRV", "0 5 143 seven.corp.example"),
        ("@", "TXT", "v=spf1 ; -all"),
        ("@", "CAA", "0 issue ca.example"),
        ("sub", "NS", "ns.sub.corp.example"),
        ("ns.sub", "A", "192.0.2.1"),
    ):
        Record.objects.create(zone=zone, name=name, type=kind, value=value)
    assert dns.ask(primary, "seven-bmc-0.corp.example") == ["10.1.0.40"]
    assert dns.ask(primary, "gw-10-1-0-1.corp.example") == ["10.1.0.1"]
    assert dns.ask(primary, "www.corp.example", "AAAA") == ["fd00:1::5"]
    assert dns.ask(primary, "_imap._tcp.corp.example", "SRV") == ["143 seven.corp.example"]
    assert dns.ask(primary, "six.corp.example") == [NXDOMAIN]
    # The secondary is told, and has all of it, record by record.
    assert eventually(lambda: records(home, "corp.example") == expected(zone)), records(
        home, "corp.example"
    ) ^ expected(zone)
    name = pointer("10.1.0.41")
    assert eventually(lambda: dns.ask(secondary, name, "PTR") == ["printer.corp.example"])


def expected(zone):
    """SOA and NS of the zone itself are no records to the reader of zone files."""
    rows = [(one.name, one.type, one.value) for one in of_zone(zone, "", 1)]
    return {row for row in rows if row[0] != zone.name or row[1] not in ("SOA", "NS")}


def records(home, zone):
    path = home / f"{zone}.zone"
    text = path.read_text() if path.exists() else ""
    entries = zone_file.read(text, zone)
    return {(one.name, one.type, one.value) for one in entries if not one.complaint}


@only(POSTGRESQL)
def test_a_secondary_answers_while_the_database_is_away(servers):
    primary, secondary, _home = servers
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    assert eventually(lambda: dns.ask(secondary, "web.corp.example") == ["10.1.0.5"])
    name = pointer("10.1.0.5")  # of another zone, with a transfer of its own
    assert eventually(lambda: dns.ask(secondary, name, "PTR") == ["web.corp.example"])
    by_hand(f"ALTER ROLE {ROLE} NOLOGIN")
    away = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"
    with connection.cursor() as cursor:
        cursor.execute(away)
    assert eventually(lambda: silent(primary))
    assert dns.ask(secondary, "web.corp.example") == ["10.1.0.5"]
    assert dns.ask(secondary, name, "PTR") == ["web.corp.example"]
    Server.objects.update(hostname="www")
    by_hand(f"ALTER ROLE {ROLE} LOGIN")
    assert eventually(lambda: not silent(primary) and answer(primary, "www") == ["10.1.0.5"])
    assert eventually(lambda: answer(secondary, "www") == ["10.1.0.5"])
    # NSD's former process may answer once more while the new one begins.
    assert eventually(lambda: answer(secondary, "web") == [NXDOMAIN])


def answer(port, label):
    try:
        return dns.ask(port, f"{label}.corp.example", timeout=1)
    except OSError:
        return []


def silent(port):
    """SERVFAIL, or nothing at all."""
    return answer(port, "web") == []
