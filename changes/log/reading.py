"""A page of the log: by an index where one answers the filters; else newest first, within a budget
of work. A search that has used up its budget says how far back it came, and goes on from there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import EmptyResultSet
from django.db.models import Q

from changes.lines import Line
from changes.log import conditions, statement
from changes.log.loading import load
from changes.log.query import LogQuery
from changes.log.rights import Reader
from changes.log.statement import Branch, Position
from changes.log.tables import all_lines
from ipam.models import IPAddress

FEW = 20_000  # lines of a table that are read and sorted as a whole
WINDOWS = (5_000, 20_000, 40_000)  # lines of each table that are looked at in one step; then more
BUDGET = 0.45  # seconds after which no further step begins


@dataclass(frozen=True)
class Page:
    """Lines by their places, newest first. `older` is the place from where on there may be more;
    `searched_to` is set when the budget was used up: how far back the search came."""

    placed: dict[Position, Line]
    older: Position | None = None
    searched_to: datetime | None = None

    @property
    def lines(self) -> list[Line]:
        return list(self.placed.values())


@dataclass(frozen=True)
class Found:
    """The same, before the lines are loaded."""

    places: list[Position]
    older: Position | None = None
    searched_to: datetime | None = None


def read(query: LogQuery, reader: Reader, size: int, after: Position | None = None) -> Page:
    """A page of lines that the reader may see, from a place on. A bounded number of queries."""
    found = find(query, reader, size, after)
    return Page(load(found.places, reader), found.older, found.searched_to)


def find(query: LogQuery, reader: Reader, size: int, after: Position | None = None) -> Found:
    """The places of the lines of a page."""
    branches, is_indexed = chosen(query, reader)
    if not branches:
        return Found([])
    placed = [branch.behind(after) for branch in branches]
    if is_indexed:
        narrowed = [branch.where(conditions.residue(query, branch.model)) for branch in placed]
        return _page(statement.merged(narrowed, size + 1), size)
    return _search(query, branches, size, after)


def chosen(query: LogQuery, reader: Reader) -> tuple[list[Branch], bool]:
    """The tables that may have such lines, without the conditions for which lines are read one by
    one; and whether an index answers the whole query. One query at most."""
    branches, is_bounded = _tables(query, reader)
    if not is_bounded:
        return branches, query.is_plain and not reader.networks
    numbers = statement.counts(branches, FEW + 1)
    kept = []
    for branch, number in zip(branches, numbers, strict=True):
        if number:
            kept.append(branch.gather() if number <= FEW else branch)
    many = [branch for branch in kept if not branch.gathered]
    return kept, not many or _in_order(query, many)


def _tables(query: LogQuery, reader: Reader) -> tuple[list[Branch], bool]:
    models = reader.tables()
    if query.table:
        models = [model for model in models if model is query.table]
    branches, is_bounded = [], False
    owners = conditions.Owners(query.place)
    for model in models:
        condition = conditions.bounded(query, model, owners)
        is_bounded = is_bounded or condition is not None
        lines = reader.lines(model).filter(conditions.times(query), condition or Q())
        if condition is None or _may_match(lines):
            branches.append(Branch(model, lines))
    return branches, is_bounded


def _may_match(lines: object) -> bool:
    try:
        statement.sql_of(lines)
    except EmptyResultSet:
        return False
    return True


def _in_order(query: LogQuery, many: Sequence[Branch]) -> bool:
    """Whether an index has the many lines in the order of time: those of a change, or of one
    address."""
    if any([query.text, query.who, query.source, query.kind, query.without]):
        return False
    of_change = bool(query.change)
    of_address = query.place is not None and query.place.address is not None
    addresses_only = [branch.model for branch in many] == [IPAddress]
    return of_change or (of_address and addresses_only)


def _page(places: list[Position], size: int) -> Found:
    if len(places) > size:
        return Found(places[:size], places[size - 1])
    return Found(places)


# --- a search without an index --------------------------------------------------------------------


def _search(
    query: LogQuery, branches: Sequence[Branch], size: int, after: Position | None
) -> Found:
    """Read newest first, step by step, until a page is full or the budget is used up. A step is a
    stretch of time in which no table has more lines than its window."""
    started, step = time.monotonic(), 0
    places: list[Position] = []
    while True:
        window = WINDOWS[min(step, len(WINDOWS) - 1)]
        end = statement.reach(_unfiltered(query, branches, after), window)
        places += _step(query, branches, size + 1 - len(places), after, end)
        if len(places) > size or not end:
            return _page(places, size)
        after = _behind_all(end)
        step += 1
        if time.monotonic() > started + BUDGET:
            return Found(places, after, after.moment)


def _unfiltered(
    query: LogQuery, branches: Sequence[Branch], after: Position | None
) -> list[Branch]:
    """All lines of the tables, of which a stretch of time is measured."""
    found = []
    for branch in branches:
        lines = all_lines(branch.model).filter(conditions.times(query))
        if after:
            lines = lines.filter(statement.behind(after, branch.table))
        found.append(Branch(branch.model, lines))
    return found


def _step(
    query: LogQuery, branches: Sequence[Branch], number: int, after: Position | None, end: str
) -> list[Position]:
    narrowed = []
    for branch in branches:
        condition = conditions.residue(query, branch.model)
        if after:
            condition &= statement.behind(after, branch.table)
        if end:
            condition &= statement.not_before(end)
        narrowed.append(branch.where(condition).newest_first())
    return statement.merged(list(filter(lambda one: _may_match(one.lines), narrowed)), number)


def _behind_all(at: str) -> Position:
    """The place behind all lines of this time."""
    return Position(at, LAST_TABLE, 0)


LAST_TABLE = "~"  # sorts behind the name of every table
