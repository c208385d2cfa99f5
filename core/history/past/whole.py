"""All rows of a table as they were, for a query that must read all of them: to sort them by any
column.

To look up the newest line of each row costs a place of the index for each. Most rows, or all, have
a line among the last ones before the moment: of those, the newest line of every row is found at
once, in one stretch of the log; only the other rows are looked up one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.dateparse import parse_datetime
from django.utils.timezone import make_aware

from core.history.past.tables import (
    SKEW,
    Model,
    Statement,
    at,
    columns_of,
    earlier,
    history_table,
    is_told_only,
    joined,
    key_column,
    keys,
    live_table,
    newest,
    stored,
    told,
    tracked,
)

LINES = "count(*) * 9 / 8 + 1000"  # of the stretch, by how many rows there are
# To compile the statement takes longer than to run it.
_FASTER = "SET LOCAL jit = off; SET LOCAL work_mem = '32MB'"
_STRETCH = "h.history_date > %s AND h.history_date <= %s"
_RIGHT = "(h.history_date = k.newest OR h.history_date >= {})"


@dataclass(frozen=True)
class _Dialect:
    """What makes the statement fast. SQLite: a plus keeps it from reading another index from key to
    key, lines in their order are read page by page, and a limit lets it sort the rows once."""

    group: str
    order: str
    end: str


_DIALECTS = {
    "postgresql": _Dialect("h.{}", "", ""),
    "sqlite": _Dialect("+h.{}", "ORDER BY line", "LIMIT -1"),
}


@contextmanager
def whole_table_at(model: Model, moment: datetime) -> Iterator[None]:
    """As `at`, for a query that reads the whole table of this model; it need not be tracked."""
    rows = {}
    if model in tracked():
        rows[model] = whole_rows(model, moment)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_FASTER)
        with at(moment, instead=rows):
            yield


def whole_rows(model: Model, moment: datetime) -> Statement:
    """The same rows as `past_rows`.

    `found`: of each row with lines in the stretch the one with the highest number. It counts unless
    another one is newer than it by more than the skew; then the row is looked up, too. The first
    seconds of the stretch do not count: a line before them may have a higher number."""
    history, key, columns = history_table(model), key_column(model), columns_of(model)
    begin, dialect = _beginning(model, moment), _DIALECTS[connection.vendor]
    every, line = keys(model, moment), newest(model, f"k.{key}", moment)
    right = _RIGHT.format(earlier("k.newest"))
    top = f"JOIN {history} h ON h.history_id = k.line AND {_STRETCH}"
    known = "" if is_told_only(model) else f"WHERE f.key IN (SELECT {key} FROM every)"
    looked_up = joined(history, line.sql)
    sql = f"""
        WITH every AS ({every.sql}),
        latest AS (
            SELECT h.{key} AS key, max(h.history_id) AS line, max(h.history_date) AS newest
            FROM {history} h WHERE {_STRETCH} GROUP BY {dialect.group.format(key)}
            HAVING max(h.history_date) >= %s {dialect.order}),
        found AS (SELECT key AS {key}, line, newest FROM latest f {known})
        SELECT * FROM (
            SELECT {columns} FROM found k {top} WHERE {right} AND {told(model)}
            UNION ALL
            SELECT {columns} FROM every k {looked_up}
            WHERE {told(model)} AND k.{key} NOT IN (SELECT {key} FROM found)
            UNION ALL
            SELECT {columns} FROM (SELECT k.{key} FROM found k {top} WHERE NOT {right}) k
            {looked_up} WHERE {told(model)}
        ) whole {dialect.end}"""
    within = (stored(begin), stored(moment))
    certain = stored(begin + SKEW)
    given = (*every.params, *within, certain, *within, *line.params, *within, *line.params)
    return Statement(sql, given)


def _beginning(model: Model, moment: datetime) -> datetime:
    """The time of the line with which the stretch begins."""
    sql = f"""
        SELECT history_date FROM {history_table(model)} WHERE history_date <= %s
        ORDER BY history_date DESC LIMIT 1 OFFSET (SELECT {LINES} FROM {live_table(model)})"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [stored(moment)])
        found = cursor.fetchone()
    return _read(found[0]) if found else datetime(1, 1, 2, tzinfo=UTC)


def _read(value: Any) -> datetime:
    """A time as the database gives it: SQLite as text, in UTC."""
    if isinstance(value, datetime):
        return value
    found = parse_datetime(str(value))
    assert found
    return make_aware(found, UTC)
