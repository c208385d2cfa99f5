"""What has happened to each row since the changes that are to be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from changes import lines
from changes.lines import Line, history_of, tracked_models
from changes.undo.kinds import AddressKind, Identity, Kind, State, kinds
from core.errors import NotFound, Reason


@dataclass(frozen=True, slots=True)
class Step:
    """A line, with the state of its row before and after it."""

    line: Line
    before: State
    after: State
    touched: frozenset[str]


@dataclass
class Timeline:
    """The steps of one row, from the first one that is to be undone."""

    kind: Kind
    identity: Identity
    former: Any = None  # the line before the first step
    is_known: bool = True  # whether the log says what was before
    steps: list[Step] = field(default_factory=list)

    def add(self, line: Line) -> None:
        before = self.steps[-1].after if self.steps else self._first(line)
        after = self.kind.state(None if line.kind == "-" else line.record)
        self.steps.append(Step(line, before, after, self.kind.touched(before, after)))

    def _first(self, line: Line) -> State:
        if line.kind == "+":
            return self.kind.state(None)
        self.former = line.before
        if line.before is None and line.kind == "-":
            self.former = line.record
        # A free address leaves no history.
        self.is_known = bool(self.former) or isinstance(self.kind, AddressKind)
        return self.kind.state(self.former)


def token_of(line: Line) -> str:
    """By which the line can be undone: its change, or itself where it has none."""
    return line.change or line.key


def lines_named(token: str) -> list[Line]:
    """The lines of a change, or the one line that the token names. Raises NotFound."""
    found = lines.lines_of(token) if token.isprintable() else []
    if not found and ":" in token:
        found = _single(token)
    if not found:
        raise NotFound(Reason(_("There is no such change.")))
    return found


def _single(token: str) -> list[Line]:
    table, _colon, number = token.partition(":")
    by_table = {model._meta.label_lower: model for model in tracked_models()}
    if table not in by_table or not (number.isascii() and number.isdigit() and len(number) < 19):
        return []
    rows = history_of(by_table[table]).filter(history_id=int(number))
    found = [Line(by_table[table], row) for row in rows.select_related("history_user")]
    return lines.with_before(found)


def timelines(chosen: Sequence[Line]) -> list[Timeline]:
    """What happened to the rows of these lines since each was changed first. Two queries and more
    for each table, by how many rows it has."""
    found: list[Timeline] = []
    for kind in kinds().values():
        mine = [line for line in chosen if line.model is kind.model]
        if mine:
            found += _of_kind(kind, mine)
    return found


def _of_kind(kind: Kind, chosen: Sequence[Line]) -> list[Timeline]:
    first: dict[Identity, Line] = {}
    for line in sorted(chosen, key=lambda line: line.record.history_id):
        first.setdefault(kind.identity(line.record), line)
    found = {identity: Timeline(kind, identity) for identity in first}
    since = min(line.record.history_id for line in chosen)
    for line in kind.lines(list(first), since):
        identity = kind.identity(line.record)
        start = first[identity]
        if line.record.history_id == start.record.history_id:
            found[identity].add(start)
        elif found[identity].steps:
            found[identity].add(line)
    return list(found.values())
