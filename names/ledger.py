"""The names that follow from the rows of the ledger.

    collect (a fixed number of queries) -> settle (pure): who has which name, and who goes without

A name is that of a server, of a further interface (`web-eth1`), of an allocated or reserved address
with a host name, of a gateway (`gw-10-0-0-1`), an A or AAAA record, or a registered service. A name
without a domain gets the one of its subnet; one with a domain stands as it is. Only names in
enabled zones are served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from operator import attrgetter
from typing import Any

from django.db.models import Value

from ipam.addresses import Address, parse_address
from ipam.hostnames import interface_name
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.querysets import SubnetIndex
from names import further, rdata
from names.further import NONE, Claim, Delegations, Refusal
from names.models import NamesOff, Record, Zone

# Rooms above this one whose rows have names, too: each gives its claims by one query.
SOURCES: list[Callable[[], Iterable[Claim]]] = []
UNNAMED = "unnamed.ipmanager.internal"  # the domain of leases in subnets without names
RESERVED = frozenset({"localhost", "gen.ipmanager.internal"})  # the latter is our generation's


@dataclass(frozen=True, slots=True)
class NameLine:
    """One name of one address."""

    ip: Address
    fqdn: str
    sources: tuple[str, ...] = ()
    label: str = ""  # what people call the row
    port: str = ""  # of a service: protocol and number

    @property
    def text(self) -> str:
        return f"{self.ip} {self.fqdn}"

    @property
    def is_record(self) -> bool:
        """Whether somebody wrote it down as a record."""
        return self.sources[0].startswith("record ")

    @property
    def kind(self) -> str:
        """The type of its record."""
        return "A" if self.ip.version == 4 else "AAAA"


@dataclass(frozen=True, slots=True)
class Names:
    """What is served. Where an address has several names, the first line has the one of its reverse
    entry."""

    zones: tuple[str, ...] = ()
    lines: tuple[NameLine, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    records: tuple[Record, ...] = ()  # those of other types than A and AAAA that are served
    # Network, domain and whether its names are ours, of the subnets with a domain.
    domains: tuple[tuple[str, str, bool], ...] = ()


NOTHING = Names()
NOWHERE = Subnet()  # around an address that no subnet contains


def take(subnets: Sequence[Subnet]) -> Names:
    """Everything of one moment; `subnets` are those of the global address space. One query where
    there is no zone, a fixed number else."""
    around = place(subnets)
    if not around.zones:
        return NOTHING
    rows = Record.objects.filter(zone__enabled=True).select_related("zone").order_by("pk")
    found = further.sort(rows, around.zones)
    wanted = chain(claims(subnets, found.addresses), map(further.claim, found.aliases))
    kept, refusals = settle(around.full(wanted), found.delegations)
    lost = {one.claim.id for one in refusals if one.claim.kind == further.ALIAS}
    return Names(
        zones=around.zones,
        lines=tuple(map(_line, kept)),
        refusals=(*refusals, *found.refusals),
        records=tuple(one for one in found.others if one.pk not in lost),
        domains=tuple(around.domains(subnets)),
    )


# --- which rows have a name -----------------------------------------------------------------------


def claims(subnets: Iterable[Subnet], records: Iterable[Record]) -> Iterator[Claim]:
    """All of the global address space; `records` are those of addresses."""
    gateways = filter(attrgetter("gateway"), subnets)
    rows = chain(
        _servers(), _interfaces(), _addresses(), map(_gateway, gateways), map(_of, records)
    )
    return chain(rows, chain.from_iterable(source() for source in SOURCES))


def _gateway(subnet: Subnet) -> Claim:
    ip: Any = subnet.gateway
    name = gateway_name(ip)
    return Claim("subnet", subnet.pk, name, ip, subnet.created_at, f"gateway {ip}")


def _of(record: Record) -> Claim:
    return further.claim(record, parse_address(record.value))


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
            if fqdn and (claim.is_typed or subnet.pk not in self.silent):
                sources = dict.fromkeys((claim.key, *claim.sources, f"subnet {subnet.pk}"))
                sources.pop("subnet None", None)
                yield claim.called(fqdn, tuple(sources))

    def fqdn(self, claim: Claim, domain: str) -> str:
        """Empty where the name is not in a zone of ours."""
        name = rdata.whole(claim.name, claim.within, domain)
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


def place(subnets: Iterable[Subnet]) -> Place:
    """With the zones and the subnets without names. One query."""
    zones = Zone.objects.filter(enabled=True).order_by().values_list("name", Value(0))
    off = NamesOff.objects.order_by().values_list(Value(""), "subnet_id")
    found = list(zones.union(off, all=True))
    names = sorted(name for name, subnet in found if not subnet)
    silent = frozenset(subnet for _name, subnet in found if subnet)
    return Place(SubnetIndex(subnets), silent, tuple(names))


@lru_cache(rdata.REMEMBERED)
def zone_of(name: str, zones: tuple[str, ...]) -> str:
    """The most specific zone around the name, or empty."""
    found = [zone for zone in zones if f".{name}".endswith(f".{zone}")]
    return max(found, key=len, default="")


# --- who has which name ---------------------------------------------------------------------------


def settle(
    found: Iterable[Claim], delegations: Delegations = NONE
) -> tuple[list[Claim], list[Refusal]]:
    """One owner for a name: an alias takes none from a machine, an allocation none from either,
    however old its row is, which its pool has made, a service none from anybody; of equals, the
    oldest row keeps it. Those that keep theirs, address by address. Pure."""
    holders: dict[str, list[Claim]] = defaultdict(list)
    refusals: list[Refusal] = []
    for claim in sorted(found, key=attrgetter("turn", "since", "rank")):
        reason = _complaint(claim) or delegations.complaint(claim)
        reason = reason or _conflict(claim, holders[claim.fqdn])
        if reason:
            refusals.append(Refusal(claim, reason))
        else:
            holders[claim.fqdn].append(claim)
    kept = filter(attrgetter("has_address"), chain.from_iterable(holders.values()))
    return sorted(kept, key=_place), refusals


def _place(claim: Claim) -> tuple[int, int, tuple[int, int, str]]:
    """Address by address; of one address, the name of its reverse entry comes first."""
    return claim.ip.version, int(claim.ip), claim.rank


def _line(claim: Claim) -> NameLine:
    return NameLine(claim.ip, claim.fqdn, claim.sources, claim.label, claim.port)


def _complaint(claim: Claim) -> str:
    if claim.has_address and not rdata.is_name(claim.fqdn):
        return f"{claim.fqdn!r} is not a name that DNS can serve"
    if claim.fqdn in RESERVED:
        return f"{claim.fqdn} is reserved"
    return ""


def _conflict(claim: Claim, holders: Sequence[Claim]) -> str:
    """Several records share a name, and an IPv4 and an IPv6 allocation do; nothing else does."""
    for holder in holders:
        if (*claim.sort, *holder.sort) not in _SHARED:
            return f"{claim.fqdn} belongs to {holder.shown}"
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
