"""Read from the ledger what dnsmasq should know, all of one moment, in a number of queries that
never grows.

Served are the enabled servers, and their interfaces, that have a MAC (for IPv6 a DUID will do) and
an address in the global VRF."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from dhcp.files import effective_scope
from dhcp.files.records import HostRecord, Problem, ScopeRecord
from dhcp.files.validate import MOST_MACS
from dhcp.models import DhcpChange, DhcpScope
from dhcp.servers import ServerSelector
from ipam.addresses import Address, Network
from ipam.models import Interface, Server, Subnet
from ipam.querysets import SubnetIndex


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
    """What one server is to know of the ledger: its reservations and scopes, and the changes that
    led to them.

    `networks` are all subnets of the global address space: reservations may lie in those.
    """

    records: list[HostRecord]
    networks: list[Network]
    changes: list[SeenChange]
    scopes: list[ScopeRecord] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # what had to be left out of the scopes
    elsewhere: frozenset[Address] = frozenset()  # reservations that other servers have

    @property
    def by_end(self) -> bool:
        """Whether some reservations name the lower half of an address only."""
        return any(scope.by_end for scope in self.scopes)


@dataclass(slots=True)
class _Card:
    """One row that wants to be served, before rows of one server that share an address are
    joined."""

    kind: str
    id: int
    server_id: int
    mac: str | None
    ip: Address
    name: str
    duid: str = ""


@dataclass(slots=True)
class _Joined:
    first: _Card
    macs: list[str] = field(default_factory=list)
    duid: str = ""


def take(server_id: int | None = None) -> Snapshot:
    """One consistent reading for one server; None is the default one."""
    with _one_moment():
        subnets = list(
            Subnet.objects.in_vrf(None).only("vrf", "network", "site").order_by("network")
        )
        routes = ServerSelector.load()
        cards = [*_servers(), *_interfaces()]
        served = [
            scope
            for scope in DhcpScope.objects.served()
            if routes.server_id_for(scope.subnet) == server_id
        ]
        scopes = [effective_scope.record(scope) for scope in served]
        rows = (
            DhcpChange.objects.for_server(server_id)
            .order_by("pk")
            .values_list(*SeenChange.__slots__)
        )
        changes = [SeenChange(*row) for row in rows]
    index = SubnetIndex(subnets)
    homes = [(joined, index.containing(None, joined.first.ip)) for joined in _join(cards)]
    by_end = {record.network for record, _ in scopes if record and record.by_end}
    return Snapshot(
        [
            _record(joined, subnet, by_end)
            for joined, subnet in homes
            if routes.server_id_for(subnet) == server_id
        ],
        [subnet.network for subnet in subnets],
        changes,
        [record for record, _ in scopes if record],
        [problem for _, problems in scopes for problem in problems],
        frozenset(
            joined.first.ip for joined, subnet in homes if routes.server_id_for(subnet) != server_id
        ),
    )


@contextmanager
def _one_moment() -> Iterator[None]:
    """All queries in the block see the same moment, and nobody who writes has to wait for us."""
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


def _servers() -> Iterator[_Card]:
    rows = Server.objects.filter(
        vrf=None, enabled=True, mac_address__isnull=False, ip_address__isnull=False
    )
    for id, mac, ip, name in rows.order_by("pk").values_list(
        "pk", "mac_address", "ip_address", "hostname"
    ):
        yield _Card("server", id, id, mac, ip, name)


def _interfaces() -> Iterator[_Card]:
    known = Q(mac_address__isnull=False) | ~Q(duid="")
    rows = Interface.objects.filter(
        known, server__vrf=None, server__enabled=True, ip_address__isnull=False
    )
    columns = ("pk", "server_id", "mac_address", "ip_address", "name", "server__hostname", "duid")
    for id, server_id, mac, ip, name, hostname, duid in rows.order_by("pk").values_list(*columns):
        if mac or ip.version == 6:
            duid = duid.lower() if ip.version == 6 else ""  # DHCP for IPv4 knows none
            yield _Card("interface", id, server_id, mac, ip, interface_name(hostname, name), duid)


def interface_name(hostname: str, name: str) -> str:
    """`web.example.org` and `eth0.12` make `web-eth0-12`: a label of its own beside the
    server's."""
    return f"{hostname.partition('.')[0]}-{name.replace('.', '-')}"


def _join(cards: Iterable[_Card]) -> list[_Joined]:
    """Cards of one server that share an address share a line: dnsmasq gives it to whichever of them
    asks.

    Those that the line has no room for stand alone, and `sift` finds their address reserved.
    """
    found: dict[tuple[int, Address], _Joined] = {}
    alone = []
    for card in cards:
        joined = found.setdefault((card.server_id, card.ip), _Joined(card))
        if not _fits(card, joined):
            alone.append(_Joined(card, [card.mac] if card.mac else [], card.duid))
            continue
        if card.mac and card.mac not in joined.macs:
            joined.macs.append(card.mac)
        joined.duid = joined.duid or card.duid
    return [*found.values(), *alone]


def _fits(card: _Card, joined: _Joined) -> bool:
    """A line holds some MACs and one DUID; of two cards with a DUID each, the second is known by
    its MAC."""
    if card.mac is None:
        return joined.duid in ("", card.duid)
    return card.mac in joined.macs or len(joined.macs) < MOST_MACS


def _record(joined: _Joined, subnet: Subnet | None, by_end: Collection[Network]) -> HostRecord:
    card, network = joined.first, subnet.network if subnet else None
    return HostRecord(
        card.kind,
        card.id,
        tuple(joined.macs),
        card.ip,
        card.name,
        network,
        joined.duid,
        network in by_end,
    )
