"""Servers of one request, judged together and written together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ipam.models import VRF
from ipam.transfer import servers
from ipmanager.bulk import Refusal, RowsRefused
from ipmanager.errors import Clash
from ipmanager.problems import WHOLE


def make_servers(rows: Sequence[dict[str, Any]]) -> list[int]:
    """The keys of new servers in the rows' order. Call it under the ledger's lock. Raises RowsRefused."""
    ids: dict[int, int] = {}
    refusals: dict[int, Refusal] = {}
    for vrf, numbers in _by_vrf(rows).items():
        facts = [{name: value for name, value in rows[number].items() if name != "vrf"} for number in numbers]
        made, bad = servers.make_servers(facts, vrf.pk if vrf else None)
        ids |= {number: server.pk for number, server in zip(numbers, made, strict=False)}
        refusals |= {numbers[plan.line]: _refusal(plan) for plan in bad}
    if refusals:
        raise RowsRefused(refusals, len(rows))
    return [ids[number] for number in range(len(rows))]


def _by_vrf(rows: Sequence[dict[str, Any]]) -> dict[VRF | None, list[int]]:
    found: dict[VRF | None, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[row.get("vrf")].append(number)
    return found


def _refusal(plan: servers.Plan) -> Refusal:
    """409 when only something that exists already is in the way."""
    errors: dict[str, list[str]] = defaultdict(list)
    for fault in plan.faults:
        errors[fault.field or WHOLE].append(fault.reason)
    return Refusal(409 if all(isinstance(fault.reason, Clash) for fault in plan.faults) else 400, dict(errors))
