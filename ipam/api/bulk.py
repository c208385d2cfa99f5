"""Servers and addresses of one request, judged together and written together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

from api.bulk import Refusal, RowsRefused
from api.problems import WHOLE
from core.errors import Clash
from ipam import rules
from ipam.models import VRF, IPAddress
from ipam.placement import address_rows as rows
from ipam.placement.index import PlacementIndex
from ipam.transfer import servers


def make_servers(facts: Sequence[dict[str, Any]]) -> list[int]:
    """The keys of new servers in the rows' order. Call it under the ledger's lock. Raises
    RowsRefused."""
    ids: dict[int, int] = {}
    refusals: dict[int, Refusal] = {}
    for vrf, numbers in _by_vrf(facts).items():
        fields = [
            {name: value for name, value in facts[number].items() if name != "vrf"}
            for number in numbers
        ]
        made, bad = servers.make_servers(fields, vrf.pk if vrf else None)
        ids |= {number: server.pk for number, server in zip(numbers, made, strict=False)}
        refusals |= {numbers[plan.line]: _refusal(plan) for plan in bad}
    if refusals:
        raise RowsRefused(refusals, len(facts))
    return [ids[number] for number in range(len(facts))]


def make_addresses(facts: Sequence[dict[str, Any]]) -> list[int] | None:
    """The keys of address rows, made or taken from what is free, in the order of the facts. None
    when anything is wrong with one of them: judged by itself, each says what. Call it under the
    ledger's lock."""
    wanted = {(fact.get("vrf"), fact["ip_address"]): fact for fact in facts}
    vms = [vm for fact in facts if (vm := fact.get("vm_id"))]
    if (
        len(wanted) < len(facts)
        or len(set(vms)) < len(vms)
        or IPAddress.objects.filter(vm_id__in=vms).exists()
    ):
        return None
    ips = [ip for _vrf, ip in wanted]
    there = {
        (row.vrf, row.ip_address): row
        for row in _written(ips)
        if (row.vrf, row.ip_address) in wanted
    }
    index = PlacementIndex.of((vrf.pk if vrf else None, ip) for vrf, ip in wanted)
    made = [_judged(there.get(key), fact, index) for key, fact in wanted.items()]
    if None in made:
        return None
    good = [row for row in made if row]
    rows.create([row for row in good if not row.pk])
    rows.update(
        [row for row in good if (row.vrf, row.ip_address) in there], [*rows.WRITTEN, "active"]
    )
    return [row.pk for row in good]


def _judged(row: IPAddress | None, fact: dict[str, Any], index: PlacementIndex) -> IPAddress | None:
    """The row as the fact wants it, or None."""
    if row and (row.status != "available" or fact.get("status", "available") == "available"):
        return None
    before = (row.description, row.status) if row else rules.NEW
    row = row or IPAddress()
    for name, value in fact.items():
        setattr(row, name, value)
    key, row.freed_at, row.vm_id = (row.vrf_id, row.ip_address), None, row.vm_id or None
    errors: rules.Errors = defaultdict(list)
    try:
        row.clean_fields(exclude={"vrf", "subnet", "server"})
    except ValidationError:
        return None
    row.subnet = index.subnet(key)
    rules.judge_address(row, before, index.pool(key), errors)
    return None if errors else row


def _written(ips: Sequence[Any]) -> list[IPAddress]:
    """The rows that some addresses have already, locked: a claim knows no lock of the ledger."""
    locked = IPAddress.objects.select_for_update(of=("self",)).select_related("vrf")
    return [
        row
        for start in range(0, len(ips), 500)
        for row in locked.filter(ip_address__in=ips[start : start + 500])
    ]


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
    return Refusal(
        409 if all(isinstance(fault.reason, Clash) for fault in plan.faults) else 400, dict(errors)
    )
