"""What an undo would do: each row's way back, and every reason why it cannot be.

Nothing is written here. A column goes back to what it was before the change; it must still be what
the change has made of it, or the later change that did more is named, and can be undone, too."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line
from changes.undo import dependants
from changes.undo.items import Item, Later, Refusal, evaluate
from changes.undo.kinds import EXISTS, difference, is_security, is_undone, present_rows
from changes.undo.timelines import Step, Timeline, keys_of, lines_named, timelines

MOST_LINES = 50_000
MOST_LATER = 200  # changes that are undone with one
_AT = attrgetter("at")


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
        return list(map(_never, self.never))

    @property
    def chosen(self) -> set[str]:
        """The keys of its lines."""
        return keys_of(self.lines)

    @property
    def sentence(self) -> str:
        """The first reasons against it."""
        return " ".join(map(attrgetter("text"), self.refusals[:3]))

    @property
    def digest(self) -> str:
        """Another one when the plan would do something else."""
        text = repr([self.change, list(map(item_digest, self.items))])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def later(self) -> list[Later]:
        """The changes that stand in the way, newest first."""
        found: dict[str, Later] = {}
        for refusal in self.refusals:
            for later in refusal.later:
                found[later.token] = later
        return sorted(found.values(), key=_AT, reverse=True)


def item_digest(item: Item) -> str:
    return repr((item.key, sorted(item.columns.items()), item.action))


def plan_of(change: str, later: Sequence[Later] = ()) -> Plan:
    """The plan for a change, or a line, and for these later changes with it. Raises NotFound."""
    plan = Plan(change, sorted(later, key=_AT, reverse=True))
    for token in dict.fromkeys([change, *map(attrgetter("token"), plan.with_later)]):
        plan.lines += lines_named(token)
    if len(plan.lines) > MOST_LINES:
        text = _("The change has %(lines)d lines; %(most)d is the most that is undone at once.")
        values = {"lines": len(plan.lines), "most": MOST_LINES}
        plan.refusals.append(Refusal(text % values))
        return plan
    _leave(plan)
    _fold(plan)
    plan.steps.sort(key=attrgetter("line.at", "line.key"))
    if plan.items:
        plan.refusals += dependants.refusals(plan.items, plan.lines)
    elif not plan.refusals:
        plan.refusals.append(Refusal(_nothing(plan)))
    return plan


def _leave(plan: Plan) -> None:
    """Take out the lines that are never undone, and say so."""
    others = set(filterfalse(is_undone, map(attrgetter("model"), plan.lines)))
    plan.never = sorted(others, key=attrgetter("_meta.label_lower"))
    plan.lines = [line for line in plan.lines if line.model not in others]


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
    chosen = plan.chosen
    found = timelines(plan.lines)
    rows = present_rows(found)
    for timeline in found:
        for step in filter(attrgetter("touched"), timeline.steps):
            if step.line.key in chosen:
                plan.steps.append(step)
        _add(plan, timeline, chosen, rows.get((timeline.kind.table, timeline.identity)))


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
        plan.refusals.append(Refusal(text % item.name, lines=(start,)))
    elif others:
        later = tuple(Later.of(step.line, step.touched & wanted.keys()) for step in others)
        text = _("%s was changed since.") % item.name
        plan.refusals.append(Refusal(text, later, lines=(start,)))
    else:
        _check_present(plan, item, timeline)


def _check_present(plan: Plan, item: Item, timeline: Timeline) -> None:
    """The row is as its last line says; else something has changed it past the log."""
    changed = difference(item.present, timeline.steps[-1].after) & item.wanted.keys()
    if changed:
        text = _("%(row)s is not as the log says: %(columns)s.")
        names = {"row": item.name, "columns": ", ".join(sorted(changed - {EXISTS}))}
        plan.refusals.append(Refusal(text % names, lines=(timeline.first,)))
