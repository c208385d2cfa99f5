"""The newest changes of all, however many lines each has: for the first page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from changes.log import groups, statement
from changes.log.groups import Change
from changes.log.loading import load
from changes.log.rights import Reader
from changes.log.statement import Branch, Position

DEPTHS = (100, 1_000, 20_000)  # lines that are looked at in one step: mostly one is enough
LINES = 8  # that are read for each change
# By the id of a change; a line without one stands for itself.
Places = dict[tuple[str, Position | None], list[Position]]


def newest_changes(reader: Reader, most: int) -> list[Change]:
    """So many changes at most, newest first, each with the newest of its lines. A bounded number of
    statements; of the lines that are passed over, only the change is read."""
    branches = [Branch(model, reader.lines(model)) for model in reader.tables()]
    places: Places = {}
    for depth in DEPTHS:
        known = [change for change, _line in places if change]
        lines = statement.marked(branches, depth, known)
        _take(lines, places, most)
        if len(places) == most or len(lines) < depth:
            break
        branches = [replace(branch, after=lines[-1][1]) for branch in branches]
    return _loaded(places, reader)


def _take(lines: Sequence[tuple[str, Position]], places: Places, most: int) -> None:
    """Add the places of lines to their changes, until there are enough changes."""
    for change, place in lines:
        key = change, None if change else place
        if key not in places and len(places) == most:
            return
        of_change = places.setdefault(key, [])
        if len(of_change) < LINES:
            of_change.append(place)


def _loaded(places: Places, reader: Reader) -> list[Change]:
    lines = load([place for some in places.values() for place in some], reader)
    found = []
    for some in places.values():
        kept = [lines[place] for place in some if place in lines]
        if kept:
            found.append(Change(kept[0].change, kept))
    groups.count(found, reader)
    return found
