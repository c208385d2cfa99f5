"""Find the rows of a page of the past, in the order of a column, without reading the others.

An index of the history by (column, key) is read from value to value, whatever number of lines each
has: what a page costs grows with the page, not with the log. Of each key the newest line up to the
moment counts, if it still has the value at which it was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, models

from core.history.past.tables import (
    Model,
    Statement,
    history_table,
    key_column,
    newest,
    told,
)

FIRST, MORE = 4, 8  # keys for each wanted row; then so many times as many
MOST = 5_000  # keys of one statement: about a tenth of a second
Place = tuple[Any, int]  # a value, as the database stores it, and a key


@dataclass(frozen=True)
class Chunk:
    """The lines of the rows that a step has found; where it goes on, unless that is all."""

    lines: list[int]
    keys: int
    end: Place | None

    @property
    def has_few(self) -> bool:
        """Whether most of the keys had another value then, or no row."""
        return len(self.lines) * 8 < self.keys


@dataclass(frozen=True)
class Walk:
    """Through the values of a column and the keys of their rows, between `first` and `last`,
    beyond `start`: a value and a key. Values are as the database stores them."""

    model: Model
    field: models.Field
    moment: datetime
    first: Any = None
    last: Any = None
    start: Place | None = None
    backwards: bool = False

    def chunks(self, wanted: int) -> Iterator[Chunk]:
        """The lines of the rows, in growing chunks, until there are no more."""
        here, size = self, wanted * FIRST
        while True:
            found = here.step(size)
            lines = [line for _value, _key, line in found if line]
            end = found[-1][:2] if len(found) == size else None
            yield Chunk(lines, len(found), end)
            if end is None:
                return
            here = replace(here, start=end)
            size = min(size * MORE, MOST)

    def step(self, size: int) -> list[tuple[Any, int, int | None]]:
        """The next values and keys; each with its line, if the row was there."""
        statement = self.statement(size)
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.params)
            return cursor.fetchall()

    def statement(self, size: int) -> Statement:
        history, key = history_table(self.model), key_column(self.model)
        column = connection.ops.quote_name(str(self.field.column))
        line = newest(self.model, "w.key", self.moment)
        opening, following = self._beyond(), self._within()
        sign, way = ("<", "DESC") if self.backwards else (">", "ASC")
        sql = f"""
            WITH RECURSIVE walk (value, key, n) AS (
                SELECT * FROM (
                    SELECT z.{column}, z.{key}, 1 FROM {history} z WHERE {opening.sql}
                    ORDER BY z.{column} {way}, z.{key} {way} LIMIT 1
                ) beginning
                UNION ALL
                SELECT y.{column}, y.{key}, w.n + 1 FROM walk w JOIN {history} y
                ON y.history_id = (
                    SELECT z.history_id FROM {history} z
                    WHERE (z.{column}, z.{key}) {sign} (w.value, w.key) AND {following.sql}
                    ORDER BY z.{column} {way}, z.{key} {way} LIMIT 1
                ) WHERE w.n < %s
            )
            SELECT w.value, w.key, h.history_id FROM walk w LEFT JOIN {history} h
            ON h.history_id = {line.sql} AND {told(self.model)} AND h.{column} = w.value
            ORDER BY w.n"""
        return Statement(sql, (*opening.params, *following.params, size, *line.params))

    def _beyond(self) -> Statement:
        """The condition of the first key."""
        within = self._within()
        if self.start is None:
            return within
        column = connection.ops.quote_name(str(self.field.column))
        sign = "<" if self.backwards else ">"
        sql = f"(z.{column}, z.{key_column(self.model)}) {sign} ({self._value()}, %s) AND "
        return Statement(sql + within.sql, (*self.start, *within.params))

    def _within(self) -> Statement:
        """The condition of all values."""
        column = connection.ops.quote_name(str(self.field.column))
        bounds = {">=": self.first, "<=": self.last}
        given = {sign: value for sign, value in bounds.items() if value is not None}
        conditions = [f"z.{column} IS NOT NULL"]
        conditions += [f"z.{column} {sign} {self._value()}" for sign in given]
        return Statement(" AND ".join(conditions), tuple(given.values()))

    def _value(self) -> str:
        """The placeholder of a value: PostgreSQL does not guess inet from a text."""
        if connection.vendor == "postgresql":
            return f"%s::{self.field.db_type(connection)}"
        return "%s"


def lines_of_row(model: Model, key: int, moment: datetime) -> list[int]:
    """The newest line of one row up to the moment; empty if there is none."""
    line = newest(model, "%s", moment)
    sql, before, after = line.sql, *line.params
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", [key, before, key, after])
        return [found for (found,) in cursor.fetchall() if found is not None]


def walked(model: Model) -> models.Field | None:
    """The column in whose order rows can be walked: the first one of the model's own order, where
    each row has a value in it. The history has an index for it (changes/past_indexes.py)."""
    ordering = model._meta.ordering or ("pk",)
    name = str(ordering[0])
    if name.startswith("-") or name == "pk":
        return None
    field: Any = model._meta.get_field(name)
    if field.null or field.is_relation:
        return None
    return field
