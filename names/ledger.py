"""The names that follow from the rows of the ledger.

    collect (a fixed number of queries) -> settle (pure): who has which name, and who goes without

A name is that of a server, of a further interface (`web-eth1`), of an allocated or reserved address
with a host name, of a gateway (`gw-10-0-0-1`), or an A or AAAA record. A name without a domain gets
the one of its subnet; one with a domain stands as it is. Only names in enabled zones are served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

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

    @property
    def rank(self) -> tuple[int, int, str]:
        return KINDS.index(self.kind), self.id, self.fqdn


@dataclass(frozen=True, slots=True)
class NameLine:
    """One name of one address."""

    ip: Address
    fqdn: str
    sources: tuple[str, ...] = ()

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


def take(subnets: Sequence[Subnet]) -> Names:
    """Everything of one moment; `subnets` are those of the global address space. One query where
    there is no zone, a fixed number else."""
    zones = tuple(Zone.objects.filter(enabled=True).values_list("name", flat=True))
    if not zones:
        return NOTHING
    silent = frozenset(NamesOff.objects.values_list("subnet_id", flat=True))
    records = list(Record.objects.filter(zone__enabled=True).select_related("zone"))
    place = Place(SubnetIndex(subnets), silent, zones)
    lines, refusals = settle(place.full(claims(subnets, records)))
    return Names(
        zones=zones,
        lines=tuple(lines),
        refusals=tuple(refusals),
        records=tuple(one for one in records if one.type not in ("A", "AAAA")),
        domains=tuple(place.domains(subnets)),
    )


# --- which rows have a name -----------------------------------------------------------------------


def claims(subnets: Iterable[Subnet], records: Iterable[Record]) -> Iterator[Claim]:
    """All of the global address space."""
    yield from _servers()
    yield from _interfaces()
    yield from _addresses()
    for subnet in subnets:
        if subnet.gateway:
            ip = subnet.gateway
            label = f"gateway {ip}"
            yield Claim("subnet", subnet.pk, gateway_name(ip), ip, subnet.created_at, label)
    for record in records:
        if record.type in ("A", "AAAA"):
            ip = parse_address(record.value)
            yield Claim("record", record.pk, record.fqdn, ip, record.created_at, str(record))


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
    zones: Sequence[str]

    def full(self, found: Iterable[Claim]) -> Iterator[Claim]:
        """The claims with their whole names; those without a name of ours are left out."""
        for claim in found:
            subnet = self.index.containing(None, claim.ip)
            fqdn = self.fqdn(claim, subnet)
            if fqdn:
                around = (f"subnet {subnet.pk}",) if subnet else ()
                sources = dict.fromkeys((claim.key, *claim.sources, *around))
                yield _with(claim, fqdn, tuple(sources))

    def fqdn(self, claim: Claim, subnet: Subnet | None) -> str:
        """Empty where the name is not in a zone of ours, or its subnet has no names here."""
        if claim.kind != "record" and subnet and subnet.pk in self.silent:
            return ""
        name = rdata.lower(claim.name)
        if "." not in name and subnet and subnet.domain:
            name = f"{name}.{rdata.lower(subnet.domain)}"
        return name if self.zone_of(name) else ""

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


def zone_of(name: str, zones: Iterable[str]) -> str:
    """The most specific zone around the name, or empty."""
    found = [zone for zone in zones if f".{name}".endswith(f".{zone}")]
    return max(found, key=len, default="")


def _with(claim: Claim, fqdn: str, sources: tuple[str, ...]) -> Claim:
    return Claim(
        claim.kind, claim.id, claim.name, claim.ip, claim.since, claim.label, sources, fqdn
    )


# --- who has which name ---------------------------------------------------------------------------


def settle(found: Iterable[Claim]) -> tuple[list[NameLine], list[Refusal]]:
    """One owner for a name: the oldest row keeps it. Pure."""
    holders: dict[str, list[Claim]] = {}
    refusals: list[Refusal] = []
    for claim in sorted(found, key=lambda one: (one.since, one.rank)):
        reason = _complaint(claim) or _conflict(claim, holders.get(claim.fqdn, ()))
        if reason:
            refusals.append(Refusal(claim, reason))
        else:
            holders.setdefault(claim.fqdn, []).append(claim)
    kept = [claim for one in holders.values() for claim in one]
    kept.sort(key=lambda one: (one.ip.version, int(one.ip), one.rank))
    return [NameLine(one.ip, one.fqdn, one.sources) for one in kept], refusals


def _complaint(claim: Claim) -> str:
    if not rdata.is_name(claim.fqdn):
        return f"{claim.fqdn!r} is not a name that DNS can serve"
    if claim.fqdn in RESERVED:
        return f"{claim.fqdn} is reserved"
    return ""


def _conflict(claim: Claim, holders: Sequence[Claim]) -> str:
    """Several records share a name, and an IPv4 and an IPv6 allocation do; nothing else does."""
    for holder in holders:
        if not _may_share(claim, holder):
            return f"{claim.fqdn} belongs to {holder.label} ({holder.ip})"
    return ""


def _may_share(claim: Claim, holder: Claim) -> bool:
    if {claim.kind, holder.kind} == {"record"}:
        return True
    is_other_version = claim.ip.version != holder.ip.version
    return {claim.kind, holder.kind} == {"ipaddress"} and is_other_version


def by_name(names: Names) -> dict[str, list[NameLine]]:
    """The lines of each name."""
    found: dict[str, list[NameLine]] = {}
    for line in names.lines:
        found.setdefault(line.fqdn, []).append(line)
    return found


def reverse_names(lines: Iterable[NameLine]) -> dict[Address, str]:
    """The one name of each address in the reverse zone."""
    found: dict[Address, str] = {}
    for line in lines:
        found.setdefault(line.ip, line.fqdn)
    return found
