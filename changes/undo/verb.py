"""Undo a change: first the plan, tried out and rolled back, then the same for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from changes.lines import Line, tracked_models
from changes.plans.trial import trial
from changes.undo.carry_out import Progress, Refused, carry_out
from changes.undo.items import Later, Refusal
from changes.undo.kinds import among, grouped, key_of, records_of
from changes.undo.plan import MOST_LATER, Plan, plan_of
from core.errors import Conflict, Reason, Unavailable
from core.history import origin
from ipam.querysets import lock_ledger

MOST_TRIED = 500  # rows of a plan that is tried out before it is shown
_ROUNDS = 20


class NotPossible(Conflict):
    """The undo is refused, or would do something else than what was shown; the plan says what."""

    def __init__(self, plan: Plan, *, is_outdated: bool = False) -> None:
        text = plan.sentence
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
    if with_later:
        return _with_later(plan)
    return plan


def _with_later(plan: Plan) -> Plan:
    """The plan with what stands in the way, and with what stands in the way of that."""
    for _round in range(_ROUNDS):
        later = [*plan.with_later, *plan.later]
        if not plan.later:
            break
        if len(later) > MOST_LATER:
            text = _("More than %d later changes depend on it.") % MOST_LATER
            plan.refusals.append(Refusal(text))
            break
        plan = _tried(plan_of(plan.change, later))
    return plan


def undo(
    change: str,
    *,
    with_later: bool = False,
    digest: str = "",
    check: Callable[[Plan], None] = lambda _plan: None,
    progress: Progress = lambda *_: None,
) -> Plan:
    """Undo the change, all or nothing, and return what was done. Raises NotFound, NotPossible.

    With the `digest` of a plan that was shown, nothing else than that is done. `check` raises what
    forbids the caller to do what the plan does."""
    with transaction.atomic():
        lock_ledger()
        plan = prepare(change, with_later=with_later, is_tried=False)
        check(plan)
        if digest and plan.digest != digest:
            raise NotPossible(plan, is_outdated=True)
        if not plan.is_possible:
            raise NotPossible(plan)
        _carry_out(plan, progress)
    return plan


def _carry_out(plan: Plan, progress: Progress) -> None:
    try:
        with origin.because(f"undo of {plan.change}"):
            carry_out(plan.items, progress)
    except Refused as error:
        plan.refusals += _explained(error, plan)
        raise NotPossible(plan) from error


def _tried(plan: Plan) -> Plan:
    """The plan, with what the rules would refuse. Nothing of it stays. Where somebody has the same
    rows just now, it is found only when it is done."""
    if not plan.is_possible or len(plan.items) > MOST_TRIED:
        return plan
    try:
        with trial():
            carry_out(plan.items, lambda *_: None)
    except Refused as error:
        plan.refusals += _explained(error, plan)
    except Unavailable:
        pass
    return plan


def _explained(error: Refused, plan: Plan) -> list[Refusal]:
    """Each reason, with the last change since of the rows that it names."""
    rows = chain.from_iterable(map(_named_by, error.reasons))
    later = _last_changes(rows, plan)
    found = []
    for reason in error.reasons:
        named = _named_by(reason)
        changes = tuple(filter(None, map(later.get, map(key_of, named))))
        is_open = isinstance(reason, Reason)
        found.append(Refusal(str(reason), changes, rows=named, is_open=is_open))
    return found


def _named_by(reason: str) -> tuple[Any, ...]:
    return tuple(getattr(reason, "rows", ()))


def _last_changes(rows: Iterable[Any], plan: Plan) -> dict[tuple[str, Any], Later]:
    since = min(map(attrgetter("at"), plan.lines))
    chosen = plan.chosen
    found: dict[tuple[str, Any], Later] = {}
    by_model = grouped(rows, type)
    for model in tracked_models():
        keys = map(attrgetter("pk"), by_model.get(model, ()))
        records = records_of(model).filter(history_date__gte=since)
        for record in among(records, model._meta.pk.attname, keys):
            line = Line(model, record)
            if line.key not in chosen:
                found[line.table, line.object_id] = Later.of(line)
    return found
