"""Which further records are served: CNAMEs that stand alone and lead somewhere, records whose value
their type knows, and the domains that are somebody else's. Pure.

The rules refuse the rest when a record is saved; it can still come by raw SQL, or with a subnet's
new domain. Then it is left out, and told with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address
from itertools import filterfalse

from ipam.addresses import Address
from names import rdata
from names.models import Record

ALIAS = "alias"
# Whose name an address gets in the reverse zone, where it has several: the first of these.
KINDS = ("server", "interface", "ipaddress", "subnet", "record", ALIAS, "service")
_TURNS = {ALIAS: 1, "ipaddress": 2, "service": 3}
_TABLES = {ALIAS: "record"}
_TYPED = ("record", ALIAS)
LONGEST_SHOWN = 5  # names of a loop
NO_ADDRESS = IPv4Address(0)  # of a record that is not one of an address


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that wants a name for its address. `name` is as the row has it; without a dot it gets
    `within`, if any, and the domain of its subnet."""

    kind: str
    id: int
    name: str
    ip: Address
    since: datetime
    label: str = ""  # what people call the row
    sources: tuple[str, ...] = ()
    fqdn: str = ""
    within: str = ""  # of a service: its environment
    port: str = ""  # of a service: protocol and number

    @property
    def table(self) -> str:
        """Its row's kind, as change rows name it."""
        return _TABLES.get(self.kind, self.kind)

    @property
    def key(self) -> str:
        return f"{self.table} {self.id}"

    def called(self, fqdn: str, sources: tuple[str, ...]) -> Claim:
        """The same with its whole name, and every row that it follows from."""
        return replace(self, sources=sources, fqdn=fqdn)

    @property
    def turn(self) -> int:
        """Those of an earlier turn take the names first."""
        return _TURNS.get(self.kind, 0)

    @property
    def has_address(self) -> bool:
        return self.kind != ALIAS

    @property
    def is_typed(self) -> bool:
        """Whether somebody wrote the name down as such, so that it depends on no subnet."""
        return self.kind in _TYPED

    @property
    def sort(self) -> tuple[str, int]:
        """Which claims may share a name."""
        return self.kind, self.ip.version

    @property
    def rank(self) -> tuple[int, int, str]:
        return KINDS.index(self.kind), self.id, self.fqdn

    @property
    def shown(self) -> str:
        """The holder, for a sentence."""
        return f"{self.label} ({self.ip})" if self.has_address else self.label


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row goes without its name."""

    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class Delegations:
    """The domains inside our zones that other servers have, each with the names of those."""

    servers: Mapping[str, Collection[str]] = field(default_factory=dict)

    def complaint(self, claim: Claim) -> str:
        """At and below such a domain, only the addresses of its servers are ours to give (glue)."""
        cut = self.above(claim.fqdn)
        if not cut or (claim.has_address and claim.fqdn in self.servers[cut]):
            return ""
        return f"{claim.fqdn} is in {cut}, which other name servers have"

    def above(self, name: str) -> str:
        """The delegated domain that the name is in; empty where it is in none."""
        while self.servers and name:
            if name in self.servers:
                return name
            name = name.partition(".")[2]
        return ""


NONE = Delegations()


@dataclass(frozen=True, slots=True)
class Sorted:
    """The records that may be served, and why the rest may not; machines are judged elsewhere.
    `others` has all but the addresses."""

    addresses: Sequence[Record]
    others: Sequence[Record]
    delegations: Delegations
    refusals: Sequence[Refusal]

    @property
    def aliases(self) -> list[Record]:
        return list(filter(is_alias, self.others))


def sort(rows: Iterable[Record], zones: Collection[str]) -> Sorted:
    """Judge records, the oldest first; `zones` are ours."""
    readable, refused = _parted(rows, unreadable)
    beside = Beside(readable, zones)
    kept, further = _parted(readable, beside.complaint)
    return Sorted(
        list(filter(_is_address, kept)),
        list(filterfalse(_is_address, kept)),
        beside.delegations,
        refused + further,
    )


def _parted(
    rows: Iterable[Record], complaint: Callable[[Record], str]
) -> tuple[list[Record], list[Refusal]]:
    kept: list[Record] = []
    refused: list[Refusal] = []
    for row in rows:
        if reason := complaint(row):
            refused.append(Refusal(claim(row), reason))
        else:
            kept.append(row)
    return kept, refused


def unreadable(row: Record) -> str:
    """What the rules would have said of a record that came by raw SQL."""
    if not rdata.is_canonical(row.type, row.value):
        return f"{row.value[:60]!r} is not a value of {row.type}"
    if row.name != "@" and not rdata.is_owner(row.name):
        return f"{row.name[:60]!r} is not a name that DNS can serve"
    return ""


class Beside:
    """What a record stands beside: the others of its name, the CNAMEs that it leads to, and the
    domains that other servers have. Records can be added one by one."""

    def __init__(self, rows: Iterable[Record], zones: Collection[str]) -> None:
        self._by_name: dict[str, list[Record]] = defaultdict(list)
        self._targets: dict[str, str] = {}
        self._servers: dict[str, set[str]] = {}
        self._zones = zones
        self.delegations = Delegations(self._servers)
        for row in rows:
            self.add(row)

    def add(self, row: Record) -> None:
        self._by_name[row.fqdn].append(row)
        if is_alias(row):
            self._targets.setdefault(row.fqdn, row.value)
        if row.type == "NS" and row.fqdn not in self._zones:
            self._servers.setdefault(row.fqdn, set()).add(row.value)

    def complaint(self, row: Record) -> str:
        """Why a record that is among these is not served."""
        return self.other(row) or self._loop(row) or self._cut(row)

    def _loop(self, row: Record) -> str:
        way = self.way_back(row)
        return way and f"it leads back to itself: {way}"

    def other(self, row: Record) -> str:
        """A CNAME stands alone; of two, the first one stays."""
        found = self._by_name[row.fqdn]
        other = next(filterfalse(is_alias, found), found[0])
        if other is row or not is_alias(row):
            return ""
        return f"{row.fqdn} has another record: {other.type} {other.value}"

    def of_name(self, name: str) -> Sequence[Record]:
        return self._by_name.get(name, ())

    def way_back(self, row: Record) -> str:
        """How a CNAME leads back to itself, or to others that do; empty where it leads on."""
        passed = [row.fqdn, *self._chain(row.value, row.fqdn)]
        if is_alias(row) and passed[-1] in passed[:-1]:
            return " -> ".join(passed[-LONGEST_SHOWN:])
        return ""

    def _chain(self, name: str, start: str) -> Iterator[str]:
        """The names that a CNAME leads over; the last one may be among the former, or be its
        start."""
        passed = {start}
        yield name
        while name in self._targets and name not in passed:
            passed.add(name)
            name = self._targets[name]
            yield name

    def _cut(self, row: Record) -> str:
        """Addresses are judged together with those of machines."""
        if _is_address(row) or row.type == "NS":
            return ""
        return self.delegations.complaint(claim(row))


def _is_address(row: Record) -> bool:
    return row.type in rdata.ADDRESSES


def is_alias(row: Record) -> bool:
    return row.type == "CNAME"


def claim(row: Record, ip: Address = NO_ADDRESS) -> Claim:
    kind = ALIAS if is_alias(row) else "record"
    return Claim(kind, row.pk, row.fqdn, ip, row.created_at, str(row), fqdn=row.fqdn)
