"""Let queries read tracked tables as they were.

Within `at(moment)`, every statement of this thread that reads a tracked table reads rows of its
history instead: a CTE of the table's name stands in front of it, and hides the table. So filters,
orders, related rows and the rights of confined tokens are those of that moment, by the same code
that asks for the present.

The state of a row is its newest line up to the moment, unless that is a deletion. Newest by the
line's key: lines of one row are numbered in the order of its changes, while clocks of several
computers, and SQLite's, which knows milliseconds only, may differ by a little (SKEW)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models

SKEW = timedelta(seconds=10)
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE)\b", re.IGNORECASE)
Model = type[models.Model]
Lines = Sequence[int]
_ACCESS = {"auth", "accounts", "ipmanager", "otp_static", "otp_totp"}
_told_only: dict[Model, str] = {}
_FIRST, _LAST = -(2**62), 2**62  # beyond all keys


@contextmanager
def at(
    moment: datetime,
    chosen: Mapping[Model, Lines] | None = None,
    instead: Mapping[Model, Statement] | None = None,
) -> Iterator[None]:
    """Within this block, tracked tables are as they were. Of a model in `chosen`, only the rows of
    these lines are there: those that a walk has found. The rows of a model in `instead` are read by
    that statement. Nothing can be written."""
    given = {model: rows_of_lines(model, lines) for model, lines in (chosen or {}).items()}
    with connection.execute_wrapper(_Past(moment, given | dict(instead or {}))):
        yield


@dataclass(frozen=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True)
class _Past:
    """Puts the tables of the past in front of each statement that reads them."""

    moment: datetime
    given: Mapping[Model, Statement]

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if _WRITES.match(sql):
            raise RuntimeError("The past cannot be changed.")
        hidden = [model for model in tracked() if _names(sql, model)]
        if not hidden:
            return execute(sql, params, many, context)
        tables = list(map(self._table, hidden))
        sql = f"WITH {', '.join(table.sql for table in tables)} {sql}"
        values = [value for table in tables for value in table.params]
        return execute(sql, (*values, *(params or ())), many, context)

    def _table(self, model: Model) -> Statement:
        rows = self.given.get(model) or past_rows(model, self.moment)
        return Statement(f"{_quoted(model._meta.db_table)} AS ({rows.sql})", rows.params)


@cache
def tracked() -> tuple[Model, ...]:
    """Every model with a history, rows between two others included, that the past is read of."""
    found = apps.get_models(include_auto_created=True)
    return tuple(model for model in found if hasattr(model, "history") and not _is_access(model))


def _is_access(model: Model) -> bool:
    """Who may do what: always as it is today, whatever moment is asked for."""
    return model._meta.app_label in _ACCESS


def history_table(model: Any) -> str:
    """The quoted name of the table of a model's history."""
    return _quoted(model.history.model._meta.db_table)


def key_column(model: Model) -> str:
    """The quoted name of the column of the primary key, in the table as in its history."""
    return _quoted(str(model._meta.pk.column))


def stored(moment: datetime) -> Any:
    """The moment as the database compares it."""
    return connection.ops.adapt_datetimefield_value(moment)


def past_rows(model: Model, moment: datetime) -> Statement:
    """All rows as they were."""
    history, every = history_table(model), keys(model, moment)
    line = newest(model, f"k.{key_column(model)}", moment)
    sql = f"""
        SELECT {columns_of(model)} FROM ({every.sql}) k {joined(history, line.sql)}
        WHERE {told(model)}"""
    return Statement(sql, (*every.params, *line.params))


def keys(model: Model, moment: datetime) -> Statement:
    """The keys of the rows that exist now, or were deleted since. Where rows vanish without a line,
    those of history between them, too, read from key to key."""
    history, key = history_table(model), key_column(model)
    if model not in _told_only:
        sql = f"""
            SELECT {key} FROM {live_table(model)}
            UNION SELECT {key} FROM {history} WHERE history_type = '-' AND history_date > %s"""
        return Statement(sql, (stored(moment),))
    live = live_table(model)
    return Statement(f"""
        WITH RECURSIVE gaps (low, high) AS (
            SELECT {_FIRST}, coalesce(min({key}), {_LAST}) FROM {live}
            UNION ALL
            SELECT {key}, coalesce(lead({key}) OVER (ORDER BY {key}), {_LAST}) FROM {live}
        ),
        gone (key, high) AS (
            SELECT (SELECT min(n.{key}) FROM {history} n WHERE n.{key} > low AND n.{key} < high),
                high FROM gaps WHERE low + 1 < high
            UNION ALL
            SELECT (SELECT min(n.{key}) FROM {history} n
                WHERE n.{key} > gone.key AND n.{key} < gone.high),
                gone.high FROM gone WHERE gone.key IS NOT NULL
        )
        SELECT {key} FROM {live} UNION ALL SELECT key FROM gone WHERE key IS NOT NULL""")


def tell_only(model: Model, condition: str) -> None:
    """Of this model, only rows with this condition (SQL, of a line `h`) have a past: others come
    and go without a line."""
    _told_only[model] = condition


def is_told_only(model: Model) -> bool:
    """Whether rows of this model come and go without a line."""
    return model in _told_only


def told(model: Model) -> str:
    """The condition under which a newest line `h` is a row of the past."""
    condition = "h.history_type <> '-'"
    if model in _told_only:
        return f"{condition} AND {_told_only[model]}"
    return condition


def rows_of_lines(model: Model, lines: Lines) -> Statement:
    """The rows that these lines of history describe."""
    value: Any = list(lines)
    given = "= ANY(%s)"
    if connection.vendor == "sqlite":
        given, value = "IN (SELECT value FROM json_each(%s))", str(value)
    history, key = history_table(model), key_column(model)
    columns = columns_of(model).replace(f"k.{key}", f"h.{key}")
    condition = f"h.history_id {given} AND {told(model)}"
    return Statement(f"SELECT {columns} FROM {history} h WHERE {condition}", (value,))


def joined(history: str, line: str) -> str:
    """JOIN of the line `h` that this expression names, which is looked up by its number: PostgreSQL
    would read the whole log."""
    if connection.vendor == "postgresql":
        chosen = f"SELECT * FROM {history} h WHERE h.history_id = {line} OFFSET 0"
        return f"CROSS JOIN LATERAL ({chosen}) h"
    return f"JOIN {history} h ON h.history_id = {line}"


def newest(model: Model, row: str, moment: datetime) -> Statement:
    """An expression: the newest line up to the moment of the row whose key `row` names; NULL if
    there is none."""
    history, key = history_table(model), key_column(model)
    at = stored(moment)
    last = f"SELECT max(d.history_date) FROM {history} d WHERE d.{key} = {row}"
    # `+ 0`: of all lines of the row; not the newest lines of the table until one is the row's.
    sql = f"""(SELECT max(n.history_id + 0) FROM {history} n
        WHERE n.{key} = {row} AND n.history_date <= %s
        AND n.history_date >= {earlier(f"({last} AND d.history_date <= %s)")})"""
    return Statement(sql, (at, at))


def earlier(date: str) -> str:
    """The date less the skew."""
    seconds = int(SKEW.total_seconds())
    if connection.vendor == "postgresql":
        return f"{date} - interval '{seconds} seconds'"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', {date}, '-{seconds} seconds')"


def columns_of(model: Any) -> str:
    """The columns of the live table, from a line `h` of history and a key `k`."""
    kept = {field.column for field in model.history.model.tracked_fields}
    return ", ".join(_column(field, kept) for field in model._meta.local_concrete_fields)


def _column(field: Any, kept: set[str]) -> str:
    name = _quoted(field.column)
    if field.primary_key:
        return f"k.{name}"
    if field.column in kept:
        return f"h.{name}"
    return f"CAST(NULL AS {field.db_type(connection)}) AS {name}"


def live_table(model: Model) -> str:
    """The table itself, even where a CTE has its name."""
    table = _quoted(model._meta.db_table)
    if connection.vendor == "sqlite":
        return f"main.{table}"
    return table


def _names(sql: str, model: Model) -> bool:
    return _quoted(model._meta.db_table) in sql


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
