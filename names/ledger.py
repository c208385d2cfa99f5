"""The names that follow from the rows of the ledger.

    collect (a fixed number of queries) -> settle (pure): who has which name, and who goes without

A name is that of a server, of a further interface (`web-eth1`), of an allocated or reserved address
with a host name, of a gateway (`gw-10-0-0-1`), or an A or AAAA record. A name without a domain gets
the one of its subnet; one with a domain stands as it is. Only names in enabled zones are served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain, filterfalse, product
from operator import attrgetter
from typing import Any

from ipam.addresses import Address, parse_address
from ipam.hostnames import interface_name
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.querysets import SubnetIndex
from names import rdata
from names.models import NamesOff, Record, Zone

# Whose name an address gets in the reverse zone, where it has several: the first of these.
KINDS = ("server", "interface", "ipaddress", "subnet", "record")
UNNAMED = "unnamed.ipmanager.internal"  # the domain of leases in subnets without names
RESERVED = frozenset({"localhost", "gen.ipmanager.internal"})  # the latter is our generation's


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that wants a name for its address. `name` is as the row has it."""

    kind: str
    id: int
    name: str
    ip: Address
    since: datetime
    label: str = ""  # what people call the row
    sources: tuple[str, ...] = ()
    fqdn: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"

    def called(self, fqdn: str, sources: tuple[str, ...]) -> Claim:
        """The same with its whole name, and every row that it follows from."""
        return Claim(self.kind, self.id, self.name, self.ip, self.since, self.label, sources, fqdn)

    @property
    def is_allocation(self) -> bool:
        return self.kind == "ipaddress"

    @property
    def sort(self) -> tuple[str, int]:
        """Which claims may share a name."""
        return self.kind, self.ip.version

    @property
    def rank(self) -> tuple[int, int, str]:
        return KINDS.index(self.kind), self.id, self.fqdn


@dataclass(frozen=True, slots=True)
class NameLine:
    """One name of one address."""

    ip: Address
    fqdn: str
    sources: tuple[str, ...] = ()
    label: str = ""  # what people call the row

    @property
    def text(self) -> str:
        return f"{self.ip} {self.fqdn}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row goes without its name."""

    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class Names:
    """What is served. Where an address has several names, the first line has the one of its reverse
    entry."""

    zones: tuple[str, ...] = ()
    lines: tuple[NameLine, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    records: tuple[Record, ...] = ()  # those of other types than A and AAAA
    # Network, domain and whether its names are ours, of the subnets with a domain.
    domains: tuple[tuple[str, str, bool], ...] = ()


NOTHING = Names()
NOWHERE = Subnet()  # around an address that no subnet contains


def take(subnets: Sequence[Subnet]) -> Names:
    """Everything of one moment; `subnets` are those of the global address space. One query where
    there is no zone, a fixed number else."""
    zones = tuple(Zone.objects.filter(enabled=True).values_list("name", flat=True))
    if not zones:
        return NOTHING
    silent = frozenset(NamesOff.objects.values_list("subnet_id", flat=True))
    records = list(Record.objects.filter(zone__enabled=True).select_related("zone"))
    place = Place(SubnetIndex(subnets), silent, zones)
    addresses, others = filter(_is_address, records), filterfalse(_is_address, records)
    lines, refusals = settle(place.full(claims(subnets, addresses)))
    return Names(
        zones=zones,
        lines=tuple(lines),
        refusals=tuple(refusals),
        records=tuple(others),
        domains=tuple(place.domains(subnets)),
    )


def _is_address(record: Record) -> bool:
    return record.type in ("A", "AAAA")


# --- which rows have a name -----------------------------------------------------------------------


def claims(subnets: Iterable[Subnet], records: Iterable[Record]) -> Iterator[Claim]:
    """All of the global address space; `records` are those of addresses."""
    gateways = filter(attrgetter("gateway"), subnets)
    return chain(
        _servers(), _interfaces(), _addresses(), map(_gateway, gateways), map(_of, records)
    )


def _gateway(subnet: Subnet) -> Claim:
    ip: Any = subnet.gateway
    name = gateway_name(ip)
    return Claim("subnet", subnet.pk, name, ip, subnet.created_at, f"gateway {ip}")


def _of(record: Record) -> Claim:
    ip = parse_address(record.value)
    return Claim("record", record.pk, record.fqdn, ip, record.created_at, str(record))


def gateway_name(ip: Address) -> str:
    """`gw-10-0-0-1`, `gw-fd00--1`: another one in each subnet."""
    return "gw-" + str(ip).replace(".", "-").replace(":", "-").rstrip("-")


def _servers() -> Iterator[Claim]:
    rows = Server.objects.filter(vrf=None, ip_address__isnull=False).order_by()
    for pk, name, ip, since in rows.values_list("pk", "hostname", "ip_address", "created_at"):
        yield Claim("server", pk, name, ip, since, f"server {name}")


def _interfaces() -> Iterator[Claim]:
    rows = Interface.objects.filter(server__vrf=None, ip_address__isnull=False).order_by()
    columns = ("pk", "server_id", "server__hostname", "name", "ip_address", "created_at")
    for pk, server_id, hostname, name, ip, since in rows.values_list(*columns):
        _label, dot, domain = hostname.partition(".")
        whole = interface_name(hostname, name) + dot + domain
        sources = (f"server {server_id}",)
        yield Claim("interface", pk, whole, ip, since, f"interface {hostname} {name}", sources)


def _addresses() -> Iterator[Claim]:
    """Those of virtual machines and other allocations, and reserved ones."""
    rows = IPAddress.objects.filter(
        vrf=None, server=None, status__in=["allocated", "reserved"]
    ).exclude(hostname="")
    columns = ("pk", "hostname", "ip_address", "created_at")
    for pk, name, ip, since in rows.order_by().values_list(*columns):
        yield Claim("ipaddress", pk, name, ip, since, f"address {ip} ({name})")


# --- in which zone --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """The subnet around an address gives its names their domain."""

    index: SubnetIndex
    silent: frozenset[int]
    zones: tuple[str, ...]

    def full(self, found: Iterable[Claim]) -> Iterator[Claim]:
        """The claims with their whole names; those without a name of ours are left out."""
        for claim in found:
            subnet = self.index.containing(None, claim.ip) or NOWHERE
            fqdn = self.fqdn(claim, subnet.domain)
            if fqdn and (claim.kind == "record" or subnet.pk not in self.silent):
                sources = dict.fromkeys((claim.key, *claim.sources, f"subnet {subnet.pk}"))
                sources.pop("subnet None", None)
                yield claim.called(fqdn, tuple(sources))

    def fqdn(self, claim: Claim, domain: str) -> str:
        """Empty where the name is not in a zone of ours."""
        name = rdata.lower(claim.name)
        if "." not in name:
            name = f"{name}.{rdata.lower(domain)}"
        return self.zone_of(name) and name

    def zone_of(self, name: str) -> str:
        return zone_of(name, self.zones)

    def domains(self, subnets: Iterable[Subnet]) -> Iterator[tuple[str, str, bool]]:
        """The domain of the leases of each subnet that has one; those of a subnet without names
        must not stand in a zone of ours."""
        for subnet in subnets:
            domain, is_silent = rdata.lower(subnet.domain), subnet.pk in self.silent
            if is_silent:
                domain = UNNAMED
            if rdata.is_name(domain):
                yield str(subnet.network), domain, bool(self.zone_of(domain))


@lru_cache(rdata.REMEMBERED)
def zone_of(name: str, zones: tuple[str, ...]) -> str:
    """The most specific zone around the name, or empty."""
    found = [zone for zone in zones if f".{name}".endswith(f".{zone}")]
    return max(found, key=len, default="")


# --- who has which name ---------------------------------------------------------------------------


def settle(found: Iterable[Claim]) -> tuple[list[NameLine], list[Refusal]]:
    """One owner for a name: an allocation takes none from a machine or a record, however old its
    row is, which its pool has made; of others, the oldest row keeps it. Pure."""
    holders: dict[str, list[Claim]] = defaultdict(list)
    refusals: list[Refusal] = []
    for claim in sorted(found, key=attrgetter("is_allocation", "since", "rank")):
        reason = _complaint(claim) or _conflict(claim, holders[claim.fqdn])
        if reason:
            refusals.append(Refusal(claim, reason))
        else:
            holders[claim.fqdn].append(claim)
    kept = sorted(chain.from_iterable(holders.values()), key=_place)
    return list(map(_line, kept)), refusals


def _place(claim: Claim) -> tuple[int, int, tuple[int, int, str]]:
    """Address by address; of one address, the name of its reverse entry comes first."""
    return claim.ip.version, int(claim.ip), claim.rank


def _line(claim: Claim) -> NameLine:
    return NameLine(claim.ip, claim.fqdn, claim.sources, claim.label)


def _complaint(claim: Claim) -> str:
    if not rdata.is_name(claim.fqdn):
        return f"{claim.fqdn!r} is not a name that DNS can serve"
    if claim.fqdn in RESERVED:
        return f"{claim.fqdn} is reserved"
    return ""


def _conflict(claim: Claim, holders: Sequence[Claim]) -> str:
    """Several records share a name, and an IPv4 and an IPv6 allocation do; nothing else does."""
    for holder in holders:
        if (*claim.sort, *holder.sort) not in _SHARED:
            return f"{claim.fqdn} belongs to {holder.label} ({holder.ip})"
    return ""


_SHARED = {
    ("ipaddress", 4, "ipaddress", 6),
    ("ipaddress", 6, "ipaddress", 4),
    *product(("record",), (4, 6), ("record",), (4, 6)),
}


def by_name(names: Names) -> dict[str, list[NameLine]]:
    """The lines of each name."""
    found: dict[str, list[NameLine]] = defaultdict(list)
    for line in names.lines:
        found[line.fqdn].append(line)
    return found
