"""What an undo would do: each row's way back, and every reason why it cannot be.

Nothing is written here. A column goes back to what it was before the change; it must still be what
the change has made of it, or the later change that did more is named, and can be undone, too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line
from changes.undo import dependants
from changes.undo.items import Item, Later, Refusal, evaluate
from changes.undo.kinds import EXISTS, Kind, is_security, kinds
from changes.undo.timelines import Step, Timeline, lines_named, timelines

MOST_LINES = 50_000
MOST_LATER = 200  # changes that are undone with one


@dataclass
class Plan:
    """The way back from a change and, if asked for, from later ones (`with_later`)."""

    change: str
    with_later: list[Later] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)  # what the lines did, where it counts
    items: list[Item] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    never: list[type[models.Model]] = field(default_factory=list)  # tables that it leaves alone

    @property
    def is_possible(self) -> bool:
        return bool(self.items) and not self.refusals

    @property
    def left(self) -> list[str]:
        """What it leaves as it is, in words."""
        return [_never(model) for model in self.never]

    @property
    def digest(self) -> str:
        """Another one when the plan would do something else."""
        text = repr([self.change, [item_digest(item) for item in self.items]])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def later(self) -> list[Later]:
        """The changes that stand in the way, newest first."""
        found = {later.token: later for refusal in self.refusals for later in refusal.later}
        return sorted(found.values(), key=lambda later: later.at, reverse=True)


def item_digest(item: Item) -> str:
    return repr((item.key, sorted(item.columns.items()), item.action))


def plan_of(change: str, later: Sequence[Later] = ()) -> Plan:
    """The plan for a change, or a line, and for these later changes with it. Raises NotFound."""
    plan = Plan(change, sorted(later, key=lambda one: one.at, reverse=True))
    for token in dict.fromkeys([change, *(one.token for one in plan.with_later)]):
        plan.lines += lines_named(token)
    if len(plan.lines) > MOST_LINES:
        text = _("The change has %(lines)d lines; %(most)d is the most that is undone at once.")
        values = {"lines": len(plan.lines), "most": MOST_LINES}
        plan.refusals.append(Refusal(text % values))
        return plan
    _leave(plan)
    _fold(plan)
    plan.steps.sort(key=lambda step: (step.line.at, step.line.key))
    if plan.items:
        plan.refusals += dependants.refusals(plan.items, plan.lines)
    elif not plan.refusals:
        plan.refusals.append(Refusal(_nothing(plan)))
    return plan


def _leave(plan: Plan) -> None:
    """Take out the lines that are never undone, and say so."""
    known = kinds()
    others = {line.model for line in plan.lines if line.table not in known}
    plan.lines = [line for line in plan.lines if line.table in known]
    plan.never = sorted(others, key=lambda model: model._meta.label_lower)


def _never(model: type[models.Model]) -> str:
    text = _("%s: what the network shows is not undone.")
    if is_security(model):
        text = _("%s: people, tokens, rights and who is told are never undone.")
    return text % str(model._meta.verbose_name_plural)


def _nothing(plan: Plan) -> str:
    if plan.left:
        return " ".join(plan.left)
    return _("There is nothing to undo: everything is as it was before the change.")


def _fold(plan: Plan) -> None:
    chosen = {line.key for line in plan.lines}
    found = timelines(plan.lines)
    present = _present(found)
    for timeline in found:
        mine = (step for step in timeline.steps if step.line.key in chosen)
        plan.steps += [step for step in mine if step.touched]
        _add(plan, timeline, chosen, present.get((timeline.kind.table, timeline.identity)))


def _present(found: Iterable[Timeline]) -> dict[tuple[str, Any], Any]:
    rows: dict[tuple[str, Any], Any] = {}
    by_kind: dict[Kind, list[Any]] = {}
    for timeline in found:
        by_kind.setdefault(timeline.kind, []).append(timeline.identity)
    for kind, identities in by_kind.items():
        for identity, row in kind.rows(identities).items():
            rows[kind.table, identity] = row
    return rows


def _add(plan: Plan, timeline: Timeline, chosen: set[str], row: Any) -> None:
    kind = timeline.kind
    present = kind.state(row)
    wanted, others = evaluate(timeline, chosen, present)
    if not wanted:
        return
    start = timeline.steps[0].line
    item = Item(kind, timeline.identity, present, wanted, timeline.former, start.at)
    plan.items.append(item)
    if not timeline.is_known:
        text = _("%s: the log does not reach back to what was before.")
        plan.refusals.append(Refusal(text % item.name, rows=(start,)))
    elif others:
        later = tuple(Later.of(step.line, step.touched & wanted.keys()) for step in others)
        text = _("%s was changed since.") % item.name
        plan.refusals.append(Refusal(text, later, rows=(start,)))
    else:
        _check_present(plan, item, timeline)


def _check_present(plan: Plan, item: Item, timeline: Timeline) -> None:
    """The row is as its last line says; else something has changed it past the log."""
    last = timeline.steps[-1].after
    changed = [name for name in item.wanted if item.present.get(name) != last.get(name)]
    if changed:
        text = _("%(row)s is not as the log says: %(columns)s.")
        names = {"row": item.name, "columns": ", ".join(sorted(set(changed) - {EXISTS}))}
        plan.refusals.append(Refusal(text % names, rows=(timeline.steps[0].line,)))
