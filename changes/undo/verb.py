"""Undo a change: first the plan, tried out and rolled back, then the same for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from changes.lines import Line, history_of, tracked_models
from changes.undo.carry_out import Progress, Refused, carry_out
from changes.undo.items import Later, Refusal
from changes.undo.plan import MOST_LATER, Plan, plan_of
from core.errors import Conflict, Reason
from core.history import origin
from ipam.querysets import lock_ledger

MOST_TRIED = 500  # rows of a plan that is tried out before it is shown
_ROUNDS = 20


class NotPossible(Conflict):
    """The undo is refused, or would do something else than what was shown; the plan says what."""

    def __init__(self, plan: Plan, *, is_outdated: bool = False) -> None:
        text = " ".join(refusal.text for refusal in plan.refusals[:3])
        if is_outdated:
            text = _("The ledger has changed since the plan was shown. Look at the new plan.")
        super().__init__(text)
        self.plan, self.is_outdated = plan, is_outdated


def prepare(change: str, *, with_later: bool = False, is_tried: bool = True) -> Plan:
    """The plan, with every reason against it that can be found without doing it, and by trying it.
    `with_later`: with the later changes that stand in the way. Raises NotFound."""
    plan = plan_of(change)
    if is_tried or with_later:
        plan = _tried(plan)
    rounds = 0
    while with_later and plan.later and rounds < _ROUNDS:
        later = [*plan.with_later, *plan.later]
        if len(later) > MOST_LATER:
            text = _("More than %d later changes depend on it.") % MOST_LATER
            plan.refusals.append(Refusal(text))
            break
        plan = _tried(plan_of(change, later))
        rounds += 1
    return plan


def undo(
    change: str,
    *,
    with_later: bool = False,
    digest: str = "",
    check: Callable[[Plan], None] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Undo the change, all or nothing, and return what was done. Raises NotFound, NotPossible.

    With the `digest` of a plan that was shown, nothing else than that is done. `check` raises what
    forbids the caller to do what the plan does."""
    with transaction.atomic():
        lock_ledger()
        plan = prepare(change, with_later=with_later, is_tried=False)
        if check:
            check(plan)
        if digest and plan.digest != digest:
            raise NotPossible(plan, is_outdated=True)
        if not plan.is_possible:
            raise NotPossible(plan)
        _carry_out(plan, progress or _silent)
    return plan


def _carry_out(plan: Plan, progress: Progress) -> None:
    try:
        with origin.because(f"undo of {plan.change}"):
            carry_out(plan.items, progress)
    except Refused as error:
        plan.refusals += _explained(error, plan)
        raise NotPossible(plan) from error


def _silent(what: str, finished: int, total: int) -> None:
    """Progress that nobody wants to see."""


def _tried(plan: Plan) -> Plan:
    """The plan, with what the rules would refuse. Nothing of it stays."""
    if not plan.is_possible or len(plan.items) > MOST_TRIED:
        return plan
    try:
        with transaction.atomic():
            lock_ledger()
            carry_out(plan.items, _silent)
            transaction.set_rollback(True)
    except Refused as error:
        plan.refusals += _explained(error, plan)
    return plan


def _explained(error: Refused, plan: Plan) -> list[Refusal]:
    """Each reason, with the last change since of the rows that it names."""
    rows = [row for reason in error.reasons for row in getattr(reason, "rows", ())]
    later = _last_changes(rows, plan)
    found = []
    for reason in error.reasons:
        named = getattr(reason, "rows", ())
        keys = [(row._meta.label_lower, row.pk) for row in named]
        changes = tuple(later[key] for key in keys if key in later)
        is_open = isinstance(reason, Reason)
        found.append(Refusal(str(reason), changes, tuple(named), is_open))
    return found


def _last_changes(rows: Iterable[object], plan: Plan) -> dict[tuple[str, object], Later]:
    since = min(line.at for line in plan.lines)
    chosen = {line.key for line in plan.lines}
    found: dict[tuple[str, object], Later] = {}
    for model in tracked_models():
        keys = [row.pk for row in rows if isinstance(row, model)]
        if not keys:
            continue
        pk = model._meta.pk.attname
        lines = history_of(model).filter(**{f"{pk}__in": keys}, history_date__gte=since)
        for record in lines.select_related("history_user").order_by("history_id"):
            line = Line(model, record)
            if line.key not in chosen:
                found[line.table, line.object_id] = Later.of(line)
    return found
