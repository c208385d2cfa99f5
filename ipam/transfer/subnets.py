"""Import subnets with their pools: a row of a known network changes that subnet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.models import Pool, Subnet
from ipam.transfer.columns import Range, range_text
from ipam.transfer.sheet import Sheet
from ipam.transfer.singly import Plan, Progress, import_singly
from ipam.transfer.verdicts import Mode, Outcome, Remark, blame_twins, read

_POOLS = {"static_ip_pools": "static", "dhcp_pools": "dhcp"}
_TWINS = {"network": gettext_lazy("%(value)s stands in line %(line)d already.")}


def import_subnets(
    sheet: Sheet,
    mode: Mode,
    vrf_id: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Outcome:
    """Judge every row by saving it, and keep them if the mode allows it."""
    plans = Plan.of(read(sheet.rows, sheet.columns, key=("network", "name")))
    blame_twins(plans, _TWINS)
    for plan in plans:
        if "network" not in plan.values and not plan.faults:
            plan.blame("network", _("A subnet needs its network."))
    return import_singly(plans, mode, partial(_save, vrf_id=vrf_id), progress)


def _save(plan: Plan, vrf_id: int | None) -> None:
    subnet = Subnet.objects.in_vrf(vrf_id).filter(network=plan.values["network"]).first()
    changes = {}
    for name, value in plan.values.items():
        if subnet is None or _present(subnet, name) != value:
            changes[name] = value
    plan.compare(subnet, changes)
    if changes:
        subnet = subnet or Subnet(vrf_id=vrf_id)
        _set(subnet, changes)
        try:
            subnet.save()
        except ValidationError as error:
            raise _by_column(plan, error) from error
        plan.warnings = tuple(_warnings(subnet))


def _present(subnet: Subnet, name: str) -> Any:
    if name in _POOLS:
        return pool_ranges(subnet.pools.all(), _POOLS[name])
    return getattr(subnet, name)


def _set(subnet: Subnet, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name in _POOLS:
            value = list(map(range_text, value))
        setattr(subnet, name, value)


def pool_ranges(pools: Iterable[Pool], kind: str) -> list[Range]:
    """The ranges of the pools of one kind, upwards."""
    return sorted((pool.first, pool.last) for pool in pools if pool.kind == kind)


def _by_column(plan: Plan, error: ValidationError) -> ValidationError:
    """What was said about a pool's ends belongs to the column of the pools."""
    pools = " / ".join(name for name in _POOLS if name in plan.values)
    reasons_by_column: dict[str, list[str]] = defaultdict(list)
    for name, reasons in error.message_dict.items():
        if name in ("first", "last", "subnet"):
            name = pools
        reasons_by_column[name] += reasons
    return ValidationError(dict(reasons_by_column))


def _warnings(subnet: Subnet) -> list[Remark]:
    for first, last in pool_ranges(subnet.pools.all(), "static"):
        if subnet.gateway and first <= subnet.gateway <= last:
            reason = _(
                "The gateway %s lies in a static pool; it is never handed out and gets no record."
            )
            return [Remark("gateway", reason % subnet.gateway)]
    return []
