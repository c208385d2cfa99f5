"""Read from the ledger what dnsmasq should serve, all of one moment, in a number of queries that
never grows.

Served are the enabled servers, and their interfaces, that have a MAC (for IPv6 a DUID is enough)
and an address in the global VRF; and allocations with a MAC that no server holds. A disabled server
may be ignored: then no DHCP server answers a card of it, with or without an address."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import filterfalse, starmap
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import BooleanField, Exists, Q, QuerySet, Value

from dhcp.files import effective_scope, wires
from dhcp.files.memory import Memory
from dhcp.files.records import NOWHERE, HostRecord, Problem, ScopeRecord
from dhcp.files.validate import MOST_MACS
from dhcp.models import DhcpChange, DhcpScope
from dhcp.servers import ServerSelector
from ipam.addresses import Address, Network
from ipam.hostnames import interface_name
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.querysets import SubnetIndex
from names import ledger
from names.ledger import Refusal
from names.models import Zone

_SUBNET = ("vrf", "network", "site", "domain", "gateway", "created_at")


@dataclass(frozen=True, slots=True)
class SeenChange:
    """A change row that the snapshot already contains."""

    id: int
    kind: str
    object_id: int | None
    label: str
    action: str
    detail: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one DHCP server should know of the ledger: its reservations and scopes, and the changes
    that led to them.

    `networks` are all subnets of the global address space: reservations may lie in those.
    """

    records: tuple[HostRecord, ...] = ()
    networks: tuple[Network, ...] = ()
    changes: tuple[SeenChange, ...] = ()
    scopes: tuple[ScopeRecord, ...] = ()
    problems: tuple[Problem, ...] = ()  # what had to be left out of the scopes
    elsewhere: frozenset[Address] = frozenset()  # reservations that other servers have
    ignored: tuple[HostRecord, ...] = ()  # the cards that every DHCP server refuses
    names: ledger.Names = ledger.NOTHING  # of the whole global address space

    @property
    def by_end(self) -> bool:
        """Whether some reservations name the lower half of an address only."""
        return any(map(attrgetter("by_end"), self.scopes))


class _Card(NamedTuple):
    """One row that is to be served, before rows of one server that share an address are joined.

    `server_id` is 0 for an allocation."""

    kind: str
    id: int
    server_id: int
    mac: str | None
    ip: Address
    name: str
    duid: str = ""
    is_ignored: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class _Found:
    """What cards that share an address lead to: reservations here, or addresses that another DHCP
    server has."""

    records: Sequence[HostRecord] = ()
    elsewhere: Sequence[Address] = ()


@dataclass(slots=True)
class _Remembered:
    """The reservations of the last snapshot by their cards, and what they depend on besides: the
    subnets, who serves them, and which are written by their end."""

    context: Any = None
    groups: dict[tuple[str, int], tuple[list[_Card], _Found]] = field(default_factory=dict)


_memory = Memory(_Remembered)


@dataclass(slots=True)
class _Joined:
    """Cards that share one line."""

    first: _Card
    macs: list[str] = field(default_factory=list)
    duid: str = ""
    keys: list[str] = field(default_factory=list)

    def has_room_for(self, card: _Card) -> bool:
        """A line holds some MACs and one DUID; of two cards with a DUID each, the second is known
        by its MAC."""
        if card.mac is None:
            return self.duid in ("", card.duid)
        return card.mac in self.macs or len(self.macs) < MOST_MACS

    def add(self, card: _Card) -> None:
        if card.mac and card.mac not in self.macs:
            self.macs.append(card.mac)
        self.duid = self.duid or card.duid
        self.keys.append(card.key)


def take(server_id: int | None = None) -> Snapshot:
    """One consistent reading for one DHCP server; None is the default one."""
    with _one_moment():
        subnets = list(_subnets())
        selector = ServerSelector.load()
        cards = [*_servers_and_allocations(), *_interfaces()]
        scopes, problems = _scopes(selector, server_id)
        names = _names(subnets)
        changes = _changes(server_id)
    is_ignored = attrgetter("is_ignored")
    served = filterfalse(is_ignored, cards)
    rules = _Rules(SubnetIndex(subnets), selector, server_id, _by_end(scopes))
    facts = list(map(attrgetter("pk", "network", "site"), subnets))
    context = (facts, selector, rules.by_end)
    with _memory.of(server_id) as remembered:
        if remembered.context != context:
            remembered.context, remembered.groups = context, {}
        records, elsewhere = _records(served, rules, remembered)
    return Snapshot(
        records=tuple(records),
        networks=tuple(map(attrgetter("network"), subnets)),
        changes=changes,
        scopes=tuple(scopes),
        problems=(*problems, *map(_nameless, names.refusals)),
        elsewhere=frozenset(elsewhere),
        ignored=tuple(map(_ignored_record, filter(is_ignored, cards))),
        names=names,
    )


def _subnets() -> QuerySet[Subnet]:
    """Those of the global address space, each with whether names are served at all: without a zone
    this is not a query of its own."""
    has_zones = Exists(Zone.objects.filter(enabled=True))
    rows = Subnet.objects.in_vrf(None).only(*_SUBNET).annotate(has_zones=has_zones)
    return rows.order_by("network")


def _names(subnets: Sequence[Subnet]) -> ledger.Names:
    if all(map(attrgetter("has_zones"), subnets)):
        return ledger.take(subnets)
    return ledger.NOTHING


def _nameless(refusal: Refusal) -> Problem:
    """A row that keeps its address and goes without its name."""
    claim = refusal.claim
    return Problem(
        HostRecord(claim.table, claim.id, (), claim.ip, claim.name), "name", refusal.reason
    )


@contextmanager
def _one_moment() -> Iterator[None]:
    """All queries in the block see the same moment, and no writer has to wait for us."""
    if connection.in_atomic_block:  # somebody else's transaction: its rules hold
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not atomic(): our SQLite transactions begin IMMEDIATE, which would lock writers out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def _scopes(
    selector: ServerSelector, server_id: int | None
) -> tuple[list[ScopeRecord], list[Problem]]:
    scopes: list[ScopeRecord] = []
    problems: list[Problem] = []
    rows = DhcpScope.objects.served()
    mine = [row for row in rows if selector.server_id_for(row.subnet) == server_id]
    refused = wires.unknown(mine)
    problems += map(effective_scope.refusal, refused)
    for scope in mine:
        if scope in refused:
            continue
        record, complaints = effective_scope.record(scope)
        problems += complaints
        if record:
            scopes.append(record)
    return scopes, problems


def _changes(server_id: int | None) -> tuple[SeenChange, ...]:
    rows = DhcpChange.objects.for_server(server_id).order_by("pk")
    return tuple(starmap(SeenChange, rows.values_list(*SeenChange.__slots__)))


def _servers_and_allocations() -> Iterator[_Card]:
    """One query: a sync asks no more often because of allocations."""
    served = Q(enabled=True, ip_address__isnull=False)
    ignored = Q(enabled=False, when_disabled=Server.WhenDisabled.IGNORED)
    servers = Server.objects.filter(served | ignored, vrf=None, mac_address__isnull=False)
    allocations = IPAddress.objects.allocations().filter(vrf=None)
    columns = ("pk", "mac_address", "ip_address", "hostname")
    enabled = Value(True, output_field=BooleanField())
    rows = (
        servers.order_by()
        .values_list(Value("server"), *columns, "enabled")
        .union(allocations.order_by().values_list(Value("ipaddress"), *columns, enabled), all=True)
    )
    for kind, id, mac, ip, name, is_enabled in rows:
        server_id = id if kind == "server" else 0
        yield _Card(kind, id, server_id, mac, ip or NOWHERE, name, is_ignored=not is_enabled)


def _interfaces() -> Iterator[_Card]:
    known = Q(mac_address__isnull=False) | ~Q(duid="")
    served = Q(server__enabled=True, ip_address__isnull=False)
    ignored = Q(server__enabled=False, server__when_disabled=Server.WhenDisabled.IGNORED)
    rows = Interface.objects.filter(known, served | ignored, server__vrf=None)
    columns = (
        "pk",
        "server_id",
        "mac_address",
        "ip_address",
        "name",
        "server__hostname",
        "duid",
        "server__enabled",
    )
    for id, server_id, mac, ip, name, hostname, duid, is_enabled in rows.order_by("pk").values_list(
        *columns
    ):
        name = interface_name(hostname, name)
        if not is_enabled:
            at = ip or NOWHERE
            yield _Card("interface", id, server_id, mac, at, name, duid.lower(), is_ignored=True)
        elif ip.version == 6:
            yield _Card("interface", id, server_id, mac, ip, name, duid.lower())
        elif mac:  # DHCP for IPv4 has no DUID
            yield _Card("interface", id, server_id, mac, ip, name)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What decides how a card is reserved, and by which DHCP server."""

    index: SubnetIndex
    selector: ServerSelector
    server_id: int | None
    by_end: frozenset[Network]


def _by_end(scopes: Iterable[ScopeRecord]) -> frozenset[Network]:
    return frozenset(map(attrgetter("network"), filter(attrgetter("by_end"), scopes)))


def _records(
    cards: Iterable[_Card], rules: _Rules, remembered: _Remembered
) -> tuple[list[HostRecord], list[Address]]:
    """The reservations of this DHCP server, and the addresses of those that others serve. Those of
    cards that are what they were are the same objects as before."""
    records: list[HostRecord] = []
    elsewhere: list[Address] = []
    former, remembered.groups = remembered.groups, {}
    for group in _grouped(cards):
        key = group[0].kind, group[0].id
        known = former.get(key)
        if known is None or known[0] != group:
            known = group, _of_group(group, rules)
        remembered.groups[key] = known
        records += known[1].records
        elsewhere += known[1].elsewhere
    return records, elsewhere


def _grouped(cards: Iterable[_Card]) -> Iterable[list[_Card]]:
    """The cards of one server that share an address stand together."""
    groups: dict[tuple[int, Address], list[_Card]] = {}
    for card in cards:
        groups.setdefault((card.server_id, card.ip), []).append(card)
    return groups.values()


def _of_group(group: Sequence[_Card], rules: _Rules) -> _Found:
    subnet = rules.index.containing(None, group[0].ip)
    joined = _join(group)
    if rules.selector.server_id_for(subnet) != rules.server_id:
        return _Found(elsewhere=[group[0].ip] * len(joined))
    return _Found([_record(one, subnet, rules.by_end) for one in joined])


def _join(cards: Iterable[_Card]) -> list[_Joined]:
    """Cards of one server that share an address share a line: dnsmasq gives the address to
    whichever of them asks.

    Those that the line has no room for get one of their own, and `validate` finds their address
    reserved.
    """
    found: list[_Joined] = []
    for card in cards:
        if not found or not found[0].has_room_for(card):
            found.append(_Joined(card))
            found[-1].add(card)
        else:
            found[0].add(card)
    return found


def _record(joined: _Joined, subnet: Subnet | None, by_end: Collection[Network]) -> HostRecord:
    card = joined.first
    network = subnet.network if subnet else None
    return HostRecord(
        kind=card.kind,
        id=card.id,
        macs=tuple(joined.macs),
        ip=card.ip,
        name=card.name,
        subnet=network,
        duid=joined.duid,
        by_end=network in by_end,
        sources=_sources(joined, subnet),
    )


def _ignored_record(card: _Card) -> HostRecord:
    keys = dict.fromkeys((card.key, f"server {card.server_id}"))
    macs = (card.mac,) if card.mac else ()
    return HostRecord(
        card.kind, card.id, macs, card.ip, card.name, duid=card.duid, sources=tuple(keys)
    )


def _sources(joined: _Joined, subnet: Subnet | None) -> tuple[str, ...]:
    """The rows that shape the line: its cards, their server, the subnet around the address."""
    keys = dict.fromkeys(joined.keys)
    if joined.first.server_id:
        keys[f"server {joined.first.server_id}"] = None
    if subnet:
        keys[f"subnet {subnet.pk}"] = None
    return tuple(keys)
