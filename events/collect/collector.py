"""One round: read on in every table that has something new, and write its events."""

from __future__ import annotations

import logging
from operator import attrgetter

from events.collect import follow, ledger, live, rows, thresholds
from events.collect.describe import described
from events.collect.follow import Source
from events.collect.lock import held
from events.collect.write import write
from events.models import Cursor, Event

logger = logging.getLogger("events.collect")


RECENT = 2000  # events whose subnets are measured at the start


class Collector:
    """Remembers the cursors between its rounds; what the database says decides."""

    def __init__(self) -> None:
        self.sources = [*ledger.sources(), *rows.sources()]
        self.positions: dict[str, int] = {}
        self.waiting: set[str] = set()  # tables with holes
        self.touched: set[int] = set()  # subnets whose usage is to be measured

    def round(self) -> int:
        """Collect what is new; return how many rows were read."""
        newest = follow.newest_keys(self.sources)
        if not self.positions and not self._begin(newest):
            return 0
        changed = [source for source in self.sources if self._is_due(source, newest)]
        number = sum(map(self._drain, changed))
        touched, self.touched = self.touched, set()
        thresholds.look_at(touched)
        return number

    def _begin(self, newest: dict[str, int]) -> bool:
        """Load the cursors."""
        with held() as is_mine:
            if not is_mine:
                return False
            cursors = _load_cursors(newest)
        for cursor in cursors:
            self._remember(cursor)
        # What one that was killed has read and not measured any more.
        self.touched = ledger.touched_subnets(Event.objects.order_by("-pk")[:RECENT])
        return True

    def _is_due(self, source: Source, newest: dict[str, int]) -> bool:
        table = source.table
        return newest[table] > self.positions.get(table, 0) or table in self.waiting

    def _drain(self, source: Source) -> int:
        """Read the table to its end."""
        total = 0
        while number := self._batch(source):
            total += number
            if number < follow.BATCH:
                break
        return total

    def _batch(self, source: Source) -> int:
        """One transaction; return how many rows were read."""
        with held() as is_mine:
            if not is_mine:
                return 0
            cursor = Cursor.objects.get(table=source.table)
            found = follow.read_on(source, cursor)
            events = described(source, found)
            write(events)
            live.await_machines(events)
            cursor.save()
        self._remember(cursor)
        self.touched |= ledger.touched_subnets(events)
        return len(found)

    def _remember(self, cursor: Cursor) -> None:
        self.positions[cursor.table] = cursor.position
        self.waiting.discard(cursor.table)
        if cursor.holes:
            self.waiting.add(cursor.table)


def _load_cursors(newest: dict[str, int]) -> list[Cursor]:
    """The cursors of all tables. A table that has none begins at the present."""
    found = list(Cursor.objects.all())
    for cursor in found:
        _check(cursor, newest)
    known = set(map(attrgetter("table"), found))
    new = [Cursor(table=table, position=newest[table]) for table in sorted(newest.keys() - known)]
    Cursor.objects.bulk_create(new)
    return found + new


def _check(cursor: Cursor, newest: dict[str, int]) -> None:
    """Go on sensibly in a database that was restored from a backup."""
    if cursor.table not in newest:
        return
    before = cursor.position, list(cursor.holes)
    follow.forget_foreign(cursor)
    is_log = cursor.table.endswith("_history")  # of other tables, the newest row may be deleted
    if is_log and cursor.position > newest[cursor.table]:
        logger.warning("%s has fewer lines than were read; going on at its end", cursor.table)
        cursor.position, cursor.holes = newest[cursor.table], []
    if before != (cursor.position, cursor.holes):
        cursor.save()
