"""How every dnsmasq was last seen, by the worker or agent beside it.

    up                it answers, with the generation that we have written
    hung              its process is there and answers nothing
    dead              its process has ended
    other_generation  it has read other files than ours, or older ones
    unknown           nobody can see it, or nobody has looked lately

A look that is too old proves nothing: it is unknown since then, never up. All times are the
database's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from dhcp.files.targets import DEFAULT, Target
from dhcp.models import DhcpServer, DnsmasqHeartbeat, Generation
from dhcp.nodes import lease

State = DnsmasqHeartbeat.State

EVERY = 10.0  # seconds from one look to the next
WRITTEN = timedelta(seconds=20)  # how old `checked_at` may be while nothing changes
STALE = timedelta(seconds=45)  # a look that is older proves nothing
FORGOTTEN = timedelta(days=1)  # a node that has not looked for so long was removed
_WORST_FIRST = (State.DEAD, State.HUNG, State.OTHER_GENERATION, State.UNKNOWN, State.UP)


@dataclass(frozen=True, slots=True)
class NodeHeartbeat:
    """One node's dnsmasq. `is_stale`: its worker or agent has stopped looking, so its state is
    unknown."""

    host: str
    place: str
    state: str
    since: datetime
    checked_at: datetime
    detail: str
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatState:
    """A DHCP server: the worst of its nodes' dnsmasqs. Without any, nobody has ever looked: it is
    unknown, and both times are None."""

    server: str = DEFAULT
    state: str = State.UNKNOWN
    since: datetime | None = None
    checked_at: datetime | None = None
    detail: str = ""
    is_stale: bool = False
    nodes: tuple[NodeHeartbeat, ...] = ()

    @classmethod
    def of(cls, server: str, nodes: Sequence[NodeHeartbeat]) -> HeartbeatState:
        if not nodes:
            return cls(server, detail=_("No worker or agent has looked at it yet."))
        worst = min(nodes, key=_badness)
        detail = worst.detail
        if len(nodes) > 1:
            detail = f"{worst.host}: {detail}"
        return cls(
            server,
            worst.state,
            worst.since,
            worst.checked_at,
            detail,
            worst.is_stale,
            tuple(nodes),
        )

    @property
    def is_up(self) -> bool:
        """Whether every node's dnsmasq answers with our generation."""
        return self.state == State.UP

    def has_confirmed(self, target: Target, applied: Generation | None) -> bool:
        """Whether dnsmasq itself has said that it serves this generation: when it was applied, or
        since then to a look by DNS."""
        if applied is None:
            return False
        if applied.confirmed or not target.dns or self.checked_at is None:
            return bool(applied.confirmed)
        return self.is_up and self.checked_at >= applied.updated_at

    @property
    def is_down(self) -> bool:
        """Whether some node's dnsmasq was seen dead, hung or with other files."""
        return self.state in (State.DEAD, State.HUNG, State.OTHER_GENERATION)

    @property
    def is_visible(self) -> bool:
        """Whether somebody looks at it, or did: otherwise nothing is missing."""
        return self.state != State.UNKNOWN or self.is_stale

    @property
    def label(self) -> str:
        return str(State(self.state).label)


def states(servers: Iterable[DhcpServer] | None = None) -> dict[int | None, HeartbeatState]:
    """The state of every enabled DHCP server by its key, the default one's (None) first. Two
    queries, or one if the servers are known."""
    found: dict[int | None, list[DnsmasqHeartbeat]] = defaultdict(list)
    for row in DnsmasqHeartbeat.objects.with_now():
        found[row.server_id].append(row)
    names: dict[int | None, str] = {None: DEFAULT}
    if servers is None:
        servers = DhcpServer.objects.filter(enabled=True).only("name", "enabled").order_by("pk")
    names.update((server.pk, server.name) for server in servers if server.enabled)
    return {key: HeartbeatState.of(name, _nodes(found[key])) for key, name in names.items()}


def state_of(server: DhcpServer) -> HeartbeatState:
    """The state of a server of `with_heartbeats()`. No query."""
    return HeartbeatState.of(server.name, _nodes(server.heartbeats.all()))


def _badness(node: NodeHeartbeat) -> tuple[int, datetime]:
    """The worst is the least; of two alike, the one that has lasted longer."""
    return _WORST_FIRST.index(State(node.state)), node.since


def _nodes(rows: Iterable[DnsmasqHeartbeat]) -> list[NodeHeartbeat]:
    """The nodes of one server. A stale row says nothing where somebody has looked since at the same
    directory, so that the host was renamed, or on the same host, so that the directory was made
    anew or had no name yet."""
    rows = list(rows)
    fresh = list(filterfalse(_is_stale, rows))
    seen = {*map(attrgetter("place"), fresh), *map(attrgetter("host"), fresh)}
    left = [row for row in filter(_is_stale, rows) if seen.isdisjoint({row.place, row.host})]
    return list(map(_node, [*fresh, *left]))


def _node(row: DnsmasqHeartbeat) -> NodeHeartbeat:
    if not _is_stale(row):
        facts = (row.host, row.place, row.state, row.since, row.checked_at, row.detail)
        return NodeHeartbeat(*facts)
    text = _("Nobody has looked since; it was %(state)s then. Is its worker or agent running?")
    detail = text % {"state": row.get_state_display()}
    since = row.checked_at
    return NodeHeartbeat(row.host, row.place, State.UNKNOWN, since, since, detail, is_stale=True)


def _is_stale(row: DnsmasqHeartbeat) -> bool:
    return row.now - row.checked_at > STALE


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a dnsmasq has shown."""

    state: str
    detail: str = ""


def record(target: Target, look: Look) -> None:
    """Store a look of this node. While nothing changes, one row is written every WRITTEN."""
    record_of({"server_id": target.server_id, **lease.known_node(target)}, look)


def record_of(node: dict[str, Any], look: Look) -> None:
    """Store a look of a node: its `server_id`, `host` and `place`."""
    facts = {"state": look.state, "detail": look.detail[:500]}
    rows = DnsmasqHeartbeat.objects.filter(**node)
    row = rows.with_now().first()
    if row is None:
        DnsmasqHeartbeat.objects.create(**node, **facts)
    elif row.state != look.state:
        rows.update(**facts, since=Now(), checked_at=Now())
    elif row.detail != facts["detail"] or row.now - row.checked_at >= WRITTEN:
        rows.update(**facts, checked_at=Now())
        DnsmasqHeartbeat.objects.filter(checked_at__lt=Now() - FORGOTTEN).delete()
