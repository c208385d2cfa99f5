"""Every record that is served, as any name server would have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, filterfalse
from operator import attrgetter

from django.db.models import QuerySet

from ipam.models import Subnet
from names import further, ledger, rdata
from names.ledger import NameLine, Names
from names.models import Record, Zone
from names.zones import serial


@dataclass(frozen=True, slots=True)
class Served:
    """Its whole name, type and value; without a TTL of its own it has that of its zone."""

    name: str
    type: str
    value: str
    ttl: int | None = None

    def __lt__(self, other: Served) -> bool:
        return self._place < other._place

    @property
    def _place(self) -> tuple[str, str, str, bool, int]:
        """One without a TTL of its own comes first."""
        return self.name, self.type, self.value, self.ttl is not None, self.ttl or 0


def take() -> Names:
    return ledger.take(list(Subnet.objects.in_vrf(None)))


def served(names: Names) -> Iterator[Served]:
    """Those of machines and services included."""
    aliases = set(map(attrgetter("fqdn"), filter(further.is_alias, names.records)))
    ports = map(_port, filter(attrgetter("port"), names.lines))
    alone = filterfalse(lambda one: one.name in aliases, ports)
    own = map(partial(_address, _ttls()), names.lines)
    return chain(own, map(_further, names.records), filter(_has_right_name, alone))


def _ttls() -> dict[str, int]:
    """The TTLs that records of addresses have of their own, by their sources in a line."""
    rows = Record.objects.filter(type__in=rdata.ADDRESSES).exclude(ttl=None).order_by()
    return {f"record {row.pk}": row.ttl for row in rows.only("ttl") if row.ttl is not None}


def _address(ttls: Mapping[str, int], line: NameLine) -> Served:
    return Served(line.fqdn, line.kind, str(line.ip), ttls.get(line.sources[0]))


def _further(record: Record) -> Served:
    return Served(record.fqdn, record.type, record.value, record.ttl)


def _port(line: NameLine) -> Served:
    """`_billing._tcp.production.corp.example` leads to the port of a service."""
    label, _dot, rest = line.fqdn.partition(".")
    protocol, number = line.port.split()
    return Served(f"_{label}._{protocol}.{rest}", "SRV", f"0 0 {number} {line.fqdn}")


def _has_right_name(row: Served) -> bool:
    return rdata.is_owner(row.name)


def _only_server(zone: Zone, server: str) -> Served:
    return Served(zone.name, "NS", server or zone.primary_server or f"ns.{zone.name}")


class Rows:
    """All that is served, by zone. `server` is the name server of zones that have no NS record."""

    def __init__(self, zone: Zone, server: str) -> None:
        names = take()
        self.zones = tuple({*names.zones, zone.name})
        self.server = server
        self.inside: dict[str, set[Served]] = defaultdict(set)
        for row in served(names):
            self.inside[ledger.zone_of(row.name, self.zones)].add(row)

    def servers(self, zone: Zone) -> list[Served]:
        """The NS records of a zone."""
        own = filter(lambda row: (row.type, row.name) == ("NS", zone.name), self.inside[zone.name])
        return sorted(own) or [_only_server(zone, self.server)]

    def children(self, zone: Zone) -> QuerySet[Zone]:
        """The zones of ours just inside it."""
        above = {name: ledger.zone_of(name.partition(".")[2], self.zones) for name in self.zones}
        inside = filter(lambda name: above[name] == zone.name, self.zones)
        return Zone.objects.filter(name__in=list(inside))

    def delegation(self, child: Zone) -> Iterator[Served]:
        """The name servers of a zone inside another one, and the addresses of those that are in the
        zone that they serve."""
        servers = self.servers(child)
        names = set(map(attrgetter("value"), servers))
        addresses = filter(lambda row: row.type in rdata.ADDRESSES, self.inside[child.name])
        return chain(servers, filter(lambda row: row.name in names, addresses))


def of_zone(zone: Zone, server: str, number: int) -> list[Served]:
    """All of a zone: its SOA and NS records, what is in it and in no zone inside it, and which
    servers those have."""
    rows = Rows(zone, server)
    own = rows.servers(zone)
    children = chain.from_iterable(map(rows.delegation, rows.children(zone)))
    first = zone.primary_server or own[0].value
    return sorted({soa(zone, first, number), *own, *rows.inside[zone.name], *children})


def heads_of(zone: Zone) -> list[Served]:
    """The SOA and NS records of a zone as they are told now."""
    rows = zone.records.filter(type="NS", name="@").select_related("zone")
    own = sorted(map(_further, rows)) or [_only_server(zone, "")]
    return [soa(zone, zone.primary_server or own[0].value, serial.current()), *own]


def soa(zone: Zone, server: str, number: int) -> Served:
    local, _at, domain = (zone.contact or f"hostmaster@{zone.name}").rpartition("@")
    contact = local.replace(".", "\\.") + f".{domain}"
    times = f"{zone.refresh} {zone.retry} {zone.expire} {zone.negative_ttl}"
    value = f"{server} {contact} {number} {times}"
    return Served(zone.name, "SOA", value, zone.ttl)
