"""Read a table on from a cursor: every committed row once, in the order of the keys.

Transactions of PostgreSQL commit out of the order of their keys. A key that has no row yet when it
is passed is kept in the cursor as a hole. The next reading gives the hole the number of its own
transaction: whoever can fill it has a lower one. When all transactions with lower numbers have
ended, nobody can fill it any more. The order of the questions decides:

1. which transactions have ended;
2. the rows behind the position;
3. the rows in the holes: a row that is visible in 2 and was written after one in a hole finds that
   one committed, so rows of one subject stay in their order.

SQLite has one writer at a time, and no holes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from changes.unreadable import ERRORS, is_of_values
from events.models import Cursor, Event

BATCH = 500  # rows in one transaction
NEVER = 2**63  # behind every key
# First, last, and the number of the transaction that found nothing there; 0: none has looked yet.
Hole = list[int]

_RUNNING = "SELECT pg_current_xact_id()::text, pg_snapshot_xmin(pg_current_snapshot())::text"
_NEWEST = "SELECT '{name}', coalesce(max({key}), 0) FROM {table}"
_FILLED = """
SELECT row.{key} FROM unnest(%s::bigint[], %s::bigint[]) AS hole (first, last)
JOIN {table} row ON row.{key} BETWEEN hole.first AND hole.last
ORDER BY row.{key} LIMIT %s
"""


@dataclass(frozen=True)
class Source:
    """A table whose rows become events, and how."""

    model: type[models.Model]
    describe: Callable[[list[Any]], list[Event]]
    related: tuple[str, ...] = ()

    @classmethod
    def of_history(cls, model: Any, describe: Callable[[list[Any]], list[Event]]) -> Source:
        """The lines of a model's history."""
        history = model.history.model
        if hasattr(history, "history_user"):
            return cls(history, describe, ("history_user",))
        return cls(history, describe)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def key(self) -> str:
        return self.model._meta.pk.attname


@dataclass(frozen=True)
class Unreadable:
    """Stands for a row whose values cannot be read: raw SQL has written them."""

    pk: int
    reason: str


def newest_keys(sources: Sequence[Source]) -> dict[str, int]:
    """The highest key of each table, in one statement."""
    quote = connection.ops.quote_name
    selects = []
    for source in sources:
        names = {"table": quote(source.table), "key": quote(source.key)}
        selects.append(_NEWEST.format(name=source.table, **names))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects))
        return dict(cursor.fetchall())


def read_on(source: Source, cursor: Cursor) -> list[Any]:
    """The next rows of the table, BATCH at most from each side of the position. Moves the cursor,
    which the caller saves. While holes have more rows than that, those behind wait."""
    own, oldest = _transactions()
    holes = [[first, last, number or own] for first, last, number in cursor.holes]
    rows = source.model._base_manager.select_related(*source.related).order_by("pk")
    new = _readable(rows.filter(pk__gt=cursor.position)[:BATCH])
    filled = _filled(source, holes)
    late = []
    if filled:
        late = _readable(rows.filter(pk__in=filled))
    cursor.holes = list(_left(holes, filled, oldest))
    if len(filled) == BATCH or not new:
        return late
    keys = [row.pk for row in new]
    cursor.holes += _gaps(cursor.position, keys)
    cursor.position = keys[-1]
    return late + new


def _readable(rows: models.QuerySet) -> list[Any]:
    """The rows; if one of them cannot be read, each is read by itself."""
    try:
        return list(rows)
    except ERRORS as error:
        if not is_of_values(error):
            raise
    return [_one(rows, key) for key in list(rows.values_list("pk", flat=True))]


def _one(rows: models.QuerySet, key: int) -> Any:
    try:
        return rows.model._base_manager.get(pk=key)
    except ERRORS as error:
        if not is_of_values(error):
            raise
        return Unreadable(key, str(error))


def _filled(source: Source, holes: list[Hole]) -> list[int]:
    """The keys within the holes that have a row by now."""
    if not holes:
        return []
    quote = connection.ops.quote_name
    statement = _FILLED.format(table=quote(source.table), key=quote(source.key))
    firsts, lasts, _numbers = map(list, zip(*holes, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(statement, [firsts, lasts, BATCH])
        return [key for (key,) in cursor.fetchall()]


def _left(holes: list[Hole], filled: list[int], oldest: int) -> Iterator[Hole]:
    """The holes that stay: not those for which all transactions have ended. Of a full batch, there
    may be more rows behind its last one."""
    sure_until = NEVER
    if len(filled) == BATCH:
        sure_until = filled[-1]
    for first, last, number in holes:
        for start, end in _without(first, last, filled):
            if number > oldest or end > sure_until:
                yield [start, end, number]


def _without(first: int, last: int, keys: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The ranges of a hole between these keys, which are in order."""
    inside = keys[bisect_left(keys, first) : bisect_right(keys, last)]
    starts, ends = [first, *(key + 1 for key in inside)], [*(key - 1 for key in inside), last]
    for start, end in zip(starts, ends, strict=True):
        if start <= end:
            yield start, end


def _gaps(position: int, keys: Sequence[int]) -> Iterator[Hole]:
    """The keys behind the position that are missing among these."""
    if connection.vendor != "postgresql" or keys[-1] - position == len(keys):
        return
    for key in keys:
        if key > position + 1:
            yield [position + 1, key - 1, 0]
        position = key


def forget_foreign(cursor: Cursor) -> None:
    """Forget holes with numbers that this server has not reached: the database comes out of a
    backup of another one, and no transaction of that one runs here."""
    if cursor.holes:
        own, _oldest = _transactions()
        cursor.holes = [hole for hole in cursor.holes if hole[2] <= own]


def _transactions() -> tuple[int, int]:
    """The number of this transaction, and the lowest number of one that runs."""
    if connection.vendor != "postgresql":
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING)
        own, oldest = cursor.fetchone()
        return int(own), int(oldest)
