"""What became of the last sync of each node, in a row of its own; and how all nodes are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from dhcp.files.targets import Target
from dhcp.generations.outcome import Outcome
from dhcp.models import DhcpNode, Generation, SyncLease
from dhcp.nodes import lease
from dhcp.nodes.lease import Caller, Claim

MISSED = timedelta(seconds=60)  # a worker without a heartbeat for so long
LATE = timedelta(seconds=30)  # a follower has a generation by then


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node of a DHCP server. `unseen` is the time since its worker's last heartbeat."""

    node: DhcpNode
    unseen: timedelta
    is_holder: bool
    is_behind: bool

    @property
    def is_missed(self) -> bool:
        return self.unseen > MISSED

    @property
    def has_failed(self) -> bool:
        return self.node.result == Generation.Result.FAILED

    @property
    def is_in_step(self) -> bool:
        return not (self.is_missed or self.has_failed or self.is_behind)


def all_nodes(leases: dict[int | None, SyncLease]) -> list[NodeState]:
    """The nodes of all DHCP servers, the default one's first. Two queries."""
    rows = list(DhcpNode.objects.with_state())
    newest = Generation.objects.newest_of_each() if rows else {}
    return [_state(row, leases.get(row.server_id), newest.get(row.server_id)) for row in rows]


def all_leases() -> dict[int | None, SyncLease]:
    """The sync leases by DHCP server: one query."""
    return {row.server_id: row for row in SyncLease.objects.with_state()}


def _state(row: DhcpNode, held: SyncLease | None, newest: Generation | None) -> NodeState:
    me = {"host": row.host, "place": row.place}
    is_holder = held is not None and held.is_of(me)
    is_behind = False
    if newest is not None and newest.created_at < row.now - LATE:
        is_behind = not is_holder and newest.pk > (row.generation or 0)
    return NodeState(row, row.now - row.seen_at, is_holder, is_behind)


def report(claim: Claim, outcome: Outcome) -> bool:
    """Record a sync of this node; return whether its result is a new one. A node begins with its
    worker: a request on a host without one makes no row."""
    if not claim.epoch:
        return False
    rows = _row_of(claim.target)
    row, facts = rows.first(), _facts(claim, outcome)
    if row:
        rows.update(**facts)
        return (row.result, row.reason) != (facts["result"], facts["reason"])
    is_new = claim.caller is Caller.WORKER
    if is_new:
        _create(claim.target, facts)
    return is_new


def origin(target: Target) -> str:
    """Whose leases this node's lease file tells of."""
    found = _row_of(target).values_list("origin", flat=True)
    return next(iter(found), target.origin)


def _row_of(target: Target) -> Any:
    me = lease.known_node(target)
    if not me["place"]:  # a directory that cannot be read
        del me["place"]
    return DhcpNode.objects.filter(server=target.server_id, **me)


def _facts(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    number = outcome.generation
    if outcome.seen:
        number = outcome.seen[0]
    facts = {
        "result": outcome.result,
        "reason": outcome.reason[:500],
        "hosts": outcome.hosts,
        "generation": number,
        "version": settings.VERSION,
        "synced_at": Now(),
    }
    if claim.caller is Caller.WORKER:
        facts["seen_at"] = Now()
    return facts


def _create(target: Target, facts: dict[str, Any]) -> None:
    """The first node of a server reads the leases under the server's own name."""
    me = lease.known_node(target)
    with transaction.atomic():
        is_first = not DhcpNode.objects.filter(server=target.server_id).exists()
        name = target.origin if is_first else f"{target.name}@{me['host']}"[:50]
        DhcpNode.objects.create(server_id=target.server_id, origin=name, **me, **facts)
