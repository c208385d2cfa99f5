"""Import subnets with their pools: one row after the other, as if saved by hand, in one transaction.

A row that is refused is tried again after the others, because one of them may make room for it: so the order
of the rows does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.models import Pool, Subnet
from ipam.transfer.columns import Range
from ipam.transfer.sheet import Sheet
from ipam.transfer.verdicts import Entry, Mode, Outcome, Remark, State, blame_twins, read
from ipmanager.errors import IPManagerError

Progress = Callable[[str, int, int], None]
_POOLS = {"static_ip_pools": "static", "dhcp_pools": "dhcp"}
_TWINS = {"network": gettext_lazy("%(value)s stands in line %(line)d already.")}


@dataclass(slots=True)
class Plan(Entry):
    """A row and what saving it did."""

    state: State = "new"
    refusal: list[Remark] = field(default_factory=list)


class _Undo(Exception):
    """Leave the transaction without writing."""


def import_subnets(
    sheet: Sheet, mode: Mode, vrf_id: int | None = None, progress: Progress = lambda what, done, total: None
) -> Outcome:
    """Write every row, and take all of them back unless the mode and the verdicts allow it."""
    plans = [
        Plan(entry.line, entry.key, entry.values, entry.faults)
        for entry in read(sheet.rows, sheet.columns, key=("network", "name"))
    ]
    blame_twins(plans, _TWINS)
    for plan in plans:
        if "network" not in plan.values and not plan.faults:
            plan.blame("network", _("A subnet needs its network."))
    written = False
    try:
        with transaction.atomic():
            _write([plan for plan in plans if not plan.faults], vrf_id, progress)
            written = mode == "skip-bad" or (mode == "all" and not any(plan.faults for plan in plans))
            if not written:
                raise _Undo
    except _Undo:
        pass
    return Outcome([plan.verdict(plan.state) for plan in plans], written)


def _write(waiting: list[Plan], vrf_id: int | None, progress: Progress) -> None:
    """Save until nothing more can be saved; what is left then is bad."""
    total = len(waiting)
    while waiting:
        refused = []
        for plan in waiting:
            progress("subnets", total - len(waiting), total)
            if not _save(plan, vrf_id):
                refused.append(plan)
        if len(refused) == len(waiting):
            break
        waiting = refused
    for plan in waiting:
        plan.faults += plan.refusal


def _save(plan: Plan, vrf_id: int | None) -> bool:
    """Save one row's subnet in a savepoint; False and a refusal when the ledger says no."""
    plan.refusal = []
    try:
        with transaction.atomic():
            subnet = Subnet.objects.in_vrf(vrf_id).filter(network=plan.values["network"]).first()
            changes = _changes(plan, subnet)
            plan.state = "new" if subnet is None else "changed" if changes else "unchanged"
            if changes:
                subnet = subnet or Subnet(vrf_id=vrf_id)
                for name, value in changes.items():
                    setattr(subnet, name, _pool_strings(value) if name in _POOLS else value)
                subnet.save()
                plan.warnings = tuple(_warnings(subnet))
    except (ValidationError, IPManagerError) as error:
        plan.refusal = _remarks(plan, error)
        return False
    return True


def _changes(plan: Plan, subnet: Subnet | None) -> dict[str, Any]:
    return {name: value for name, value in plan.values.items() if subnet is None or _present(subnet, name) != value}


def _present(subnet: Subnet, name: str) -> Any:
    if name not in _POOLS:
        return getattr(subnet, name)
    return pool_ranges(subnet.pools.all(), _POOLS[name])


def pool_ranges(pools: Sequence[Pool] | Any, kind: str) -> list[Range]:
    """The ranges of the pools of one kind, upwards."""
    return sorted((pool.first, pool.last) for pool in pools if pool.kind == kind)


def _pool_strings(value: list[Range]) -> list[str]:
    return [f"{first}-{last}" for first, last in value]


def _remarks(plan: Plan, error: ValidationError | IPManagerError) -> list[Remark]:
    """What the ledger said; about a pool's ends, under the column of the pools."""
    if isinstance(error, IPManagerError):
        return [Remark("", str(error))]
    pools = " / ".join(name for name in _POOLS if name in plan.values)
    told = Entry(plan.line, plan.key, {})
    for name, reasons in error.message_dict.items():
        told.blame_all({pools if name in ("first", "last", "subnet") else name: reasons})
    return told.faults


def _warnings(subnet: Subnet) -> list[Remark]:
    for first, last in pool_ranges(subnet.pools.all(), "static"):
        if subnet.gateway and first <= subnet.gateway <= last:
            reason = _("The gateway %s lies in a static pool; it is never handed out and gets no record.")
            return [Remark("gateway", reason % subnet.gateway)]
    return []
