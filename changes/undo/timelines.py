"""What has happened to each row since the changes that are to be undone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _

from changes import lines
from changes.lines import Line, tracked_models
from changes.undo.kinds import (
    AddressKind,
    Columns,
    Identity,
    Kind,
    State,
    grouped,
    kinds,
    pairs,
    records_of,
)
from core.errors import NotFound, Reason

_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Step:
    """A line, with the state of its row before and after it."""

    line: Line
    before: State
    after: State
    touched: frozenset[str]

    @property
    def columns(self) -> Columns:
        """What each of them said before, and after."""
        return pairs(self.before, self.after, self.touched)


@dataclass
class Timeline:
    """The steps of one row, from the first one that is to be undone."""

    kind: Kind
    identity: Identity
    first: Line  # the first that is to be undone, which knows the line before it
    former: Any = None  # the line before the first step
    is_known: bool = True  # whether the log says what was before
    steps: list[Step] = field(default_factory=list)

    def go_on(self, line: Line) -> None:
        """Take the next line of the row; those before the first one do not count."""
        if self.steps:
            self._add(line, self.steps[-1].after)
        elif line.key == self.first.key:
            self._add(self.first, self._start())

    def _add(self, line: Line, before: State) -> None:
        after = self._state_after(line)
        self.steps.append(Step(line, before, after, self.kind.touched(before, after)))

    def _state_after(self, line: Line) -> State:
        if line.kind == "-":
            return self.kind.state(None)
        return self.kind.state(line.record)

    def _start(self) -> State:
        """The state before the first line."""
        if self.first.kind == "+":
            return self.kind.state(None)
        self.former = self.first.before
        if self.first.kind == "-":
            self.former = self.former or self.first.record
        # A free address leaves no history.
        self.is_known = bool(self.former) or isinstance(self.kind, AddressKind)
        return self.kind.state(self.former)


def token_of(line: Line) -> str:
    """By which the line can be undone: its change, or itself where it has none."""
    return line.change or line.key


def keys_of(chosen: Iterable[Line]) -> set[str]:
    return set(map(attrgetter("key"), chosen))


def lines_named(token: str) -> list[Line]:
    """The lines of a change, or the one line that the token names. Raises NotFound."""
    found: list[Line] = []
    if token.isprintable():
        found = lines.lines_of(token) or _single(token)
    if not found:
        raise NotFound(Reason(_("There is no such change.")))
    return found


def _single(token: str) -> list[Line]:
    table, _colon, number = token.partition(":")
    if not _NUMBER.fullmatch(number):
        return []
    for model in tracked_models():
        if model._meta.label_lower == table:
            records = records_of(model).filter(history_id=int(number))
            return lines.with_before(Line(model, record) for record in records)
    return []


def timelines(chosen: Sequence[Line]) -> list[Timeline]:
    """What happened to the rows of these lines since each was changed first. Two queries and more
    for each table, by how many rows it has."""
    found: list[Timeline] = []
    by_table = grouped(chosen, attrgetter("table"))
    for kind in kinds().values():
        if kind.table in by_table:
            found += _of_kind(kind, by_table[kind.table])
    return found


def _of_kind(kind: Kind, chosen: Sequence[Line]) -> list[Timeline]:
    found: dict[Identity, Timeline] = {}
    by_number = sorted(chosen, key=attrgetter("record.history_id"))
    for line in by_number:
        identity = kind.identity(line.record)
        found.setdefault(identity, Timeline(kind, identity, line))
    since = by_number[0].record.history_id
    for line in kind.lines(found, history_id__gte=since):
        found[kind.identity(line.record)].go_on(line)
    return list(found.values())
