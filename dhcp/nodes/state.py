"""What became of the last sync of each node, in a row of its own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from dhcp.files.targets import Target
from dhcp.generations.outcome import Outcome
from dhcp.models import DhcpNode
from dhcp.nodes import lease
from dhcp.nodes.lease import Caller, Claim


def report(claim: Claim, outcome: Outcome) -> bool:
    """Record a sync of this node; return whether its result is a new one. A node begins with its
    worker: a request on a host without one makes no row."""
    if not claim.epoch:
        return False
    rows = _row_of(claim.target)
    row = rows.first()
    if row is None and claim.caller is not Caller.WORKER:
        return False
    facts = _facts(claim, outcome)
    if row is None:
        _create(claim.target, facts)
        return True
    rows.update(**facts)
    return (row.result, row.reason) != (facts["result"], facts["reason"])


def origin(target: Target) -> str:
    """Whose leases this node's lease file tells of."""
    row = _row_of(target).first() if lease.is_used() else None
    return target.origin if row is None else row.origin


def _row_of(target: Target) -> Any:
    me = lease.known_node(target)
    if not me["place"]:  # a directory that cannot be read
        del me["place"]
    return DhcpNode.objects.filter(server=target.server_id, **me)


def _facts(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    facts = {
        "result": outcome.result,
        "reason": outcome.reason[:500],
        "hosts": outcome.hosts,
        "generation": outcome.seen[0] if outcome.seen else outcome.generation,
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
