"""What the functions for PowerDNS say is what every other server is told: names/zones/served.py for
forward zones, the file of names for addresses. PostgreSQL only."""

import os
import random
from ipaddress import ip_address

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from core.errors import IPManagerError, NotFound
from ipam.models import Server, Subnet
from names.models import NamesOff, Record, Zone
from names.powerdns import schema
from names.zones import serial
from names.zones.served import of_zone, take
from registry.models import RegistryConfig, Service
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.names.test_any_transaction import ADDRESSES, DOMAINS, LABELS, change
from tests.registry.factories import ServiceFactory
from tests.support.by_hand import POSTGRESQL, by_hand, only

pytestmark = [pytest.mark.django_db]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
ROUNDS, CHANGES = (60, 20) if LONG else (6, 12)


def rows(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


@pytest.fixture
def role(db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE pdns_test")
    schema.install("pdns_test")
    return "pdns_test"


def told(sql, *values):
    """Rows as PowerDNS reads them: name, type, value with its priority, TTL."""
    found = rows(f"SELECT name, type, concat_ws(' ', prio, content), ttl FROM {sql}", *values)
    assert len(found) == len(set(found)), found
    return set(found)


def as_powerdns(record, ttl):
    value = record.value
    if record.type == "TXT":
        value = f'"{value}"'
    if record.type == "CAA":
        flags, tag, text = value.split(" ", 2)
        value = f'{flags} {tag} "{text}"'
    return record.name, record.type, value, ttl if record.ttl is None else record.ttl


def expected(zone):
    number = serial.current()
    return {as_powerdns(one, zone.ttl) for one in of_zone(zone, "", number)}


def reverse():
    """Each address of the file of names with the first of its names."""
    found = {}
    for line in take().lines:
        found.setdefault(str(line.ip), line.fqdn)
    return found


def check(where):
    for zone in Zone.objects.filter(enabled=True):
        wanted = expected(zone)
        assert told("dns.zone(%s)", zone.pk) == wanted, where
        for name in {row[0] for row in wanted}:
            asked = told("dns.lookup(%s) WHERE domain_id = %s", name, zone.pk)
            assert asked == {row for row in wanted if row[0] == name}, (where, name)
    pointers = reverse()
    zones = rows("SELECT id, name FROM dns.zones() WHERE name LIKE '%%.arpa'")
    for ip in {*pointers, *ADDRESSES}:
        name = ip_address(ip).reverse_pointer
        wanted = {pointers[ip]} if ip in pointers and inside(name, zones) else set()
        found = rows("SELECT content FROM dns.lookup(%s) WHERE type = 'PTR'", name)
        assert {row[0] for row in found} == wanted, (where, ip)
    for pk, zone in zones:
        found = rows("SELECT name, content FROM dns.zone(%s) WHERE type = 'PTR'", pk)
        wanted = {(ip_address(ip).reverse_pointer, name) for ip, name in pointers.items()}
        assert set(found) == {one for one in wanted if one[0].endswith(f".{zone}")}, (where, zone)


def inside(name, zones):
    return any(name.endswith(f".{zone}") for _id, zone in zones)


def further_change(chance, environment):
    label, kind = chance.choice(LABELS), chance.randrange(8)
    zone = chance.choice(list(Zone.objects.all()))
    if kind == 0:
        ServiceFactory(
            environment=environment,
            service_id=chance.choice([label, f"{label}.corp.example", f"{label}-b0", "a@b"]),
            ip_address=chance.choice(ADDRESSES),
        )
    elif kind == 1:
        Service.objects.order_by("?").first().delete()
    elif kind <= 4:
        type_, value = chance.choice(
            [
                ("CNAME", f"{chance.choice(LABELS)}.corp.example"),
                ("TXT", "v=spf1 ; -all"),
                ("MX", "10 m1.corp.example"),
                ("CAA", "0 issue ca.example"),
                ("NS", f"ns.{label}.corp.example"),
                ("CNAME", "Not A Name"),
                ("A", "10.0.0.999"),
            ]
        )
        name = chance.choice([label, f"{label}.sub", f"x.{label}"])
        row = Record(zone=zone, name=name, type=type_, value=value, ttl=chance.choice([None, 5]))
        with transaction.atomic():
            Record.objects.bulk_create([row])  # as raw SQL: nothing is checked
    elif kind == 5:
        Record.objects.order_by("?").first().delete()
    elif kind == 6:
        Record.objects.create(zone=zone, name="@", type="NS", value=f"{label}.{zone.name}")
    else:
        Zone.objects.filter(pk=zone.pk).update(primary_server=chance.choice(["", "a.example"]))


def has_loop():
    """Raw SQL may make CNAMEs that lead back; PowerDNS has those, and resolvers end there."""
    return any("leads back" in one.reason for one in take().refusals)


@only(POSTGRESQL)
def test_after_any_transactions_powerdns_is_told_what_others_are(role, zone):
    Zone.objects.create(name="lab.corp.example", contact="a.b@c.example", ttl=300)
    for network, domain in DOMAINS.items():
        SubnetFactory(network=network, domain=domain)
    environment = RegistryConfig.objects.get(environment="test")
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for number in range(ROUNDS):
        for _change in range(CHANGES):
            try:
                with transaction.atomic():
                    if chance.randrange(2):
                        change(chance)
                    else:
                        further_change(chance, environment)
                    if has_loop():
                        raise ValidationError("a loop")
            except (ValidationError, IPManagerError, AttributeError, IntegrityError):
                continue
        check(f"seed {seed}, round {number}")


@only(POSTGRESQL)
def test_reverse_zones_follow_from_the_subnets(role, zone):
    for network in ("10.1.4.0/23", "10.2.0.0/16", "10.2.3.0/24", "10.3.0.64/26", "10.3.0.128/26"):
        SubnetFactory(network=network, domain="corp.example")
    SubnetFactory(network="fd00:1::/62", domain="corp.example")
    SubnetFactory(network="10.4.0.0/24", domain="other.example")
    SubnetFactory(vrf=VRFFactory(), network="10.5.0.0/24", domain="corp.example")
    NamesOff.objects.create(subnet=SubnetFactory(network="10.6.0.0/24", domain="corp.example"))
    found = rows("SELECT id, name FROM dns.zones() WHERE name LIKE '%%.arpa'")
    nibbles = [f"{last}.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa" for last in range(4)]
    assert sorted(name for _id, name in found) == sorted(
        [
            "0.3.10.in-addr.arpa",
            "2.10.in-addr.arpa",
            "4.1.10.in-addr.arpa",
            "5.1.10.in-addr.arpa",
            *nibbles,
        ]
    )
    for pk, name in found:
        assert rows("SELECT id FROM dns.zone_named(%s)", name) == [(pk,)]
    for name in ("10.in-addr.arpa", "3.2.10.in-addr.arpa", "x.2.10.in-addr.arpa", "in-addr.arpa"):
        assert rows("SELECT id FROM dns.zone_named(%s)", name) == []


@only(POSTGRESQL)
def test_a_subnet_with_a_large_key_stops_no_zone(role, zone):
    """Previews that are taken back use up keys."""
    SubnetFactory(pk=8_000_000, network="10.2.0.0/16", domain="corp.example")
    SubnetFactory(pk=9_000_000, network="10.3.0.0/16", domain="corp.example")
    found = rows("SELECT name FROM dns.zones() ORDER BY name")
    assert found == [("2.10.in-addr.arpa",), ("corp.example",)]


@only(POSTGRESQL)
def test_the_role_reads_what_is_served_and_nothing_else(role, zone, subnet):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    InterfaceFactory(server=Server.objects.get(), name="bmc", ip_address="10.1.0.6")
    IPAddressFactory(ip_address="10.1.0.7", status="reserved", hostname="printer")
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE pdns_test")
    names = {row[0] for row in rows("SELECT name FROM dns.records WHERE type = 'A'")}
    assert names == {f"{label}.corp.example" for label in ("web", "web-bmc", "printer")}
    assert len(rows("SELECT * FROM dns.domains")) == 2
    for table in ("hosts", "names_zones", "auth_user", "dns.named('a')", "dns.claims()"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            rows(f"SELECT * FROM {table}")
    with pytest.raises(ProgrammingError), transaction.atomic():
        by_hand("CREATE TABLE dns.x (id integer)")


@only(POSTGRESQL)
def test_a_migration_brings_the_functions_up_to_date_for_the_same_role(role, zone):
    by_hand("COMMENT ON SCHEMA dns IS 'ipmanager of before'")
    by_hand("DROP FUNCTION dns.lookup(text) CASCADE")
    schema.refresh()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE pdns_test")
    assert len(told("dns.lookup(%s)", "corp.example")) == 2
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    schema.remove()
    schema.refresh()
    assert not rows("SELECT 1 FROM pg_namespace WHERE nspname = 'dns'")


@only(POSTGRESQL)
def test_the_command_installs_and_prints(db, zone, capsys):
    with pytest.raises(NotFound, match="There is no role nobody_here"):
        call_command("powerdns", "install", "--role", "nobody_here")
    by_hand("CREATE ROLE pdns_test")
    call_command("powerdns", "install", "--role", "pdns_test")
    call_command("powerdns", "zones")
    assert capsys.readouterr().out.splitlines()[1:] == ["corp.example"]
    call_command("powerdns", "conf", "--role", "pdns_test", "--secondary", "10.0.0.3")
    lines = capsys.readouterr().out.splitlines()
    assert "allow-axfr-ips=10.0.0.3" in lines and "gpgsql-user=pdns_test" in lines
    call_command("powerdns", "remove")


@only(POSTGRESQL)
def test_a_lookup_reads_by_indexes(role, zone, subnet):
    """However many machines there are: the rows that a question reads are few."""
    Subnet.objects.create(network="10.8.0.0/16", domain="corp.example")
    Server.objects.bulk_create(
        Server(hostname=f"m{n}", ip_address=f"10.8.{n // 200}.{n % 200 + 1}") for n in range(3000)
    )
    for table in ("hosts", "ip_addresses", "subnets"):
        by_hand(f"ANALYZE {table}")
    for name in ("m77.corp.example", "nobody.corp.example", "78.0.8.10.in-addr.arpa"):
        for _warm in range(2):  # the first time reads the catalogue
            (plan,) = rows(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM dns.lookup(%s)", name
            )
        found = plan[0][0]["Plan"]
        assert found["Shared Hit Blocks"] + found["Shared Read Blocks"] < 400, name
