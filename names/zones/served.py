"""Every record that is served, as any name server would have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ipam.models import Subnet
from names import ledger, rdata
from names.ledger import NameLine, Names
from names.models import Zone


@dataclass(frozen=True, slots=True, order=True)
class Served:
    """Its whole name, type and value; without a TTL of its own it has that of its zone."""

    name: str
    type: str
    value: str
    ttl: int | None = None


def take() -> Names:
    return ledger.take(list(Subnet.objects.in_vrf(None)))


def served(names: Names | None = None) -> Iterator[Served]:
    """Those of machines and services included."""
    names = names or take()
    for line in names.lines:
        yield Served(line.fqdn, line.kind, str(line.ip))
    for record in names.records:
        yield Served(record.fqdn, record.type, record.value, record.ttl)
    aliases = {record.fqdn for record in names.records if record.type == "CNAME"}
    for one in map(_port, filter(_has_port, names.lines)):
        if rdata.is_owner(one.name) and one.name not in aliases:
            yield one


def _has_port(line: NameLine) -> bool:
    return line.port != ""


def _port(line: NameLine) -> Served:
    """`_billing._tcp.production.corp.example` leads to the port of a service."""
    label, _dot, rest = line.fqdn.partition(".")
    protocol, number = line.port.split()
    return Served(f"_{label}._{protocol}.{rest}", "SRV", f"0 0 {number} {line.fqdn}")


def of_zone(zone: Zone, server: str, serial: int) -> list[Served]:
    """All of a zone: its SOA and NS records, what is in it and in no zone inside it, and which
    servers those have. `server` is the name server where the zone has no NS record."""
    names = take()
    zones = tuple({*names.zones, zone.name})
    rows = set(served(names))
    own = _name_servers(rows, zone, server)
    found = {soa(zone, own[0].value, serial), *own}
    found.update(row for row in rows if ledger.zone_of(row.name, zones) == zone.name)
    for child in _children(zone, zones):
        servers = _name_servers(rows, child, server)
        found.update(servers, _glue(rows, child.name, {row.value for row in servers}))
    return sorted(found)


def _children(zone: Zone, zones: tuple[str, ...]) -> list[Zone]:
    """The zones of ours just inside it."""
    inside = [one for one in zones if ledger.zone_of(one.partition(".")[2], zones) == zone.name]
    return list(Zone.objects.filter(name__in=inside))


def _name_servers(rows: Iterable[Served], zone: Zone, server: str) -> list[Served]:
    found = sorted(row for row in rows if row.type == "NS" and row.name == zone.name)
    return found or [Served(zone.name, "NS", server or zone.primary_server or f"ns.{zone.name}")]


def _glue(rows: Iterable[Served], zone: str, servers: set[str]) -> list[Served]:
    """The addresses of servers that are in the zone that they serve."""
    inside = {name for name in servers if name.endswith(f".{zone}")}
    return [row for row in rows if row.type in rdata.ADDRESSES and row.name in inside]


def soa(zone: Zone, server: str, serial: int) -> Served:
    local, _at, domain = (zone.contact or f"hostmaster@{zone.name}").rpartition("@")
    contact = local.replace(".", "\\.") + f".{domain}"
    times = f"{zone.refresh} {zone.retry} {zone.expire} {zone.negative_ttl}"
    value = f"{zone.primary_server or server} {contact} {serial} {times}"
    return Served(zone.name, "SOA", value, zone.ttl)
