"""Import address rows: reservations, quarantine, allocations without a server. What a server holds
follows from the server."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.allocate import find, release
from ipam.models import IPAddress
from ipam.querysets import lock_ledger
from ipam.transfer.sheet import Sheet
from ipam.transfer.singly import Plan, Progress, import_singly
from ipam.transfer.verdicts import Mode, Outcome, Remark, blame_twins, changed_values, read

_TWINS = {
    "ip_address": gettext_lazy("%(value)s stands in line %(line)d already."),
    "vm_id": gettext_lazy("VM “%(value)s” stands in line %(line)d already."),
}


def import_addresses(
    sheet: Sheet,
    mode: Mode,
    vrf_id: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Outcome:
    """Judge every row by saving it, and keep them if the mode allows it. A new row without a status
    is reserved."""
    plans = Plan.of(read(sheet.rows, sheet.columns, key=("ip_address", "hostname")))
    blame_twins(plans, _TWINS)
    for plan in plans:
        if plan.values.get("ip_address") is None and not plan.faults:
            plan.blame("ip_address", _("A row needs its address."))
    return import_singly(plans, mode, partial(_save, vrf_id=vrf_id), progress)


def _save(plan: Plan, vrf_id: int | None) -> None:
    lock_ledger()
    values = dict(plan.values)
    row = find(values.pop("ip_address"), vrf_id)
    is_new = row.status == "available"
    if row.server_id:
        _compare_with_server(plan, row, values)
        return
    if is_new and values.get("status", "available") == "available":
        values = _of_free(plan, values)
    changes = changed_values(row, values)
    plan.state = _state(is_new=is_new, changes=changes)
    if not changes:
        return
    if changes.get("status") == "available":
        release(row)
        return
    for name, value in changes.items():
        setattr(row, name, value)
    row.freed_at = None
    row.save()


def _state(*, is_new: bool, changes: dict[str, Any]) -> Any:
    if not changes:
        return "unchanged"
    return "new" if is_new else "changed"


def _of_free(plan: Plan, values: dict[str, Any]) -> dict[str, Any]:
    """What a row without a status makes of a free address: a reservation. One that says `available`
    leaves it free."""
    facts = {name: value for name, value in values.items() if value and name != "status"}
    if "status" not in values:
        return {**facts, "status": "reserved"}
    if facts:
        names = ", ".join(facts)
        raise ValidationError({"status": _("An available address has no %s.") % names})
    return {}


def _compare_with_server(plan: Plan, row: IPAddress, values: dict[str, Any]) -> None:
    """A server holds the row: nothing is written, and a difference is named."""
    plan.state = "unchanged"
    if changes := changed_values(row, values):
        text = _("%(holder)s has this address; change the server (%(names)s).")
        reason = text % {"holder": row.holder, "names": ", ".join(changes)}
        plan.warnings = (Remark("ip_address", reason),)
