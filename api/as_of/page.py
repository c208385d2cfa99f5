"""One page of a list of past rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any

from django.db import connection, models
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.db.models.expressions import Col
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request

from api.pagination import AFTER, BEFORE, MAX_SIZE, PAGE, SIZE, Cursor, decode_cursor, page_link
from core.history.past import tables
from core.history.past.walk import Walk, walked
from core.history.past.whole import whole_table_at

BUDGET = 0.15  # seconds after which no further rows are looked for
FEW = 10_000  # rows of a table that is read as a whole where a walk finds few


class PastPage:
    """One page of past rows: by `after` and `before` in orders of one column that every row has a
    value in, else by `page`. Rows are not counted: that would read all of them. A page for which
    the budget was used up has fewer rows, and a link to where the search goes on."""

    def __init__(self, rows: QuerySet, moment: datetime, request: Request) -> None:
        self.request, self.moment = request, moment
        self.rows_then, self.related = _without_joins(rows)
        query = request.query_params
        _refuse_several(query)
        self.size = _number(query.get("page_size"), "page_size", SIZE, MAX_SIZE)
        self.number = _number(query.get(PAGE), PAGE, 1, 10**6)
        self.backwards = BEFORE in query
        self.order = _Order.of(rows)
        self.cursor = self._cursor(query.get(BEFORE, query.get(AFTER)))
        self.reached: Cursor | None = None  # where the budget was used up
        if self.order and self.number > 1:
            raise exceptions.ValidationError({PAGE: [_("Use the links of the list.")]})

    def rows(self) -> list[Any]:
        """The rows of the page, in order, with their related rows."""
        found = self._found(self.size + 1)
        self.further = len(found) > self.size or self.reached is not None
        self.shown = found[: self.size]
        if self.backwards:
            self.shown.reverse()
        with tables.at(self.moment):
            prefetch_related_objects(self.shown, *self.related)
        return self.shown

    def next_link(self) -> str | None:
        if self._goes_on(backwards=False):
            return self._link(AFTER, self.shown[-1:], 1)
        return None

    def previous_link(self) -> str | None:
        if self._goes_on(backwards=True) or self.number > 1:
            return self._link(BEFORE, self.shown[:1], -1)
        return None

    def _goes_on(self, backwards: bool) -> bool:
        """Whether there are rows before the page, or behind it: where it was read to, one row more
        was read; where it begins, there is the cursor."""
        if backwards == self.backwards:
            return self.further
        return self.cursor is not None and bool(self.shown)

    def _found(self, wanted: int) -> list[Any]:
        if self.order is None:
            start = (self.number - 1) * self.size
            with whole_table_at(self.rows_then.model, self.moment):
                return list(self.rows_then[start : start + wanted])
        rows = self.rows_then.order_by(*self.order.names(self.backwards))
        if self.order.walked:
            return self._walk(rows, wanted)
        return self._all(rows, wanted)

    def _all(self, rows: QuerySet, wanted: int) -> list[Any]:
        """From all rows of the table."""
        assert self.order
        if self.cursor:
            rows = rows.filter(self.order.beyond(self.cursor, self.backwards))
        with whole_table_at(rows.model, self.moment):
            return list(rows[:wanted])

    def _walk(self, rows: QuerySet, wanted: int) -> list[Any]:
        """As many rows as are wanted, chunk by chunk; of a page without filters one is enough."""
        assert self.order
        found: list[Any] = []
        deadline = time.monotonic() + BUDGET
        for chunk in self.order.walk(rows, self.moment, self.cursor, self.backwards).chunks(wanted):
            if chunk.end and chunk.has_few and _is_small(rows.model):
                return self._all(rows, wanted)
            with tables.at(self.moment, {rows.model: chunk.lines}):
                found += rows[: wanted - len(found)]
            if len(found) == wanted:
                break
            if chunk.end and time.monotonic() > deadline:
                self.reached = self.order.cursor_at(*chunk.end)
                break
        return found

    def _cursor(self, text: str | None) -> Cursor | None:
        if text is None:
            return None
        cursor = decode_cursor(text)
        if self.order is None or cursor is None or not self.order.accepts(cursor):
            name = BEFORE if self.backwards else AFTER
            message = _("Use the links of a list in the same order, or page.")
            raise exceptions.ValidationError({name: [message]})
        return cursor

    def _link(self, name: str, rows: Sequence[Any], step: int) -> str | None:
        if self.order is None:
            return page_link(self.request, PAGE, str(self.number + step))
        is_ahead = (name == BEFORE) == self.backwards
        if is_ahead and self.reached:
            return page_link(self.request, name, self.reached.encode())
        return page_link(self.request, name, self.order.cursor(rows[0]).encode())


def _is_small(model: Any) -> bool:
    return len(model._base_manager.values_list("pk")[: FEW + 1]) <= FEW


def _refuse_several(query: Iterable[str]) -> None:
    named = {AFTER, BEFORE, PAGE}.intersection(query)
    if len(named) > 1:
        message = _("Use only one of after, before and page.")
        raise exceptions.ValidationError({min(named): [message]})


class _Order:
    """By one column that every row has a value in, then by the key, both in one direction."""

    def __init__(self, model: Any, field: models.Field, descending: bool) -> None:
        self.model, self.field, self.descending = model, field, descending
        self.walked = walked(model) == field

    @classmethod
    def of(cls, rows: QuerySet) -> _Order | None:
        match rows.query.order_by:
            case [str(name)] | [str(name), "pk" | "id"]:
                meta = rows.model._meta
            case _:
                return None
        fields = {field.name: field for field in meta.concrete_fields} | {"pk": meta.pk}
        field = fields.get(name.removeprefix("-"))
        if field is None or field.null or field.is_relation:
            return None
        return cls(rows.model, field, name.startswith("-"))

    def names(self, backwards: bool) -> list[str]:
        names = [self.field.name, "pk"]
        if self._falls(backwards):
            return [f"-{name}" for name in names]
        return names

    def _falls(self, backwards: bool) -> bool:
        """Whether the values go down when it is read in this direction."""
        return self.descending != backwards

    def cursor(self, row: Any) -> Cursor:
        return Cursor(self.field.value_to_string(row), row.pk, 0)

    def cursor_at(self, value: Any, key: int) -> Cursor:
        """At a value as the database stores it."""
        column = Col("", self.field)
        own = self.field.get_db_converters(connection)
        steps = [*connection.ops.get_db_converters(column), *own]
        found = reduce(lambda given, convert: convert(given, column, connection), steps, value)
        return self.cursor(self.model(pk=key, **{self.field.attname: found}))

    def accepts(self, cursor: Cursor) -> bool:
        """Whether its value is one of the column's."""
        try:
            return self.field.to_python(cursor.value) is not None
        except Exception:  # the text may be anything
            return False

    def beyond(self, cursor: Cursor, backwards: bool) -> Q:
        """The rows after the cursor, or those before it."""
        value, name = self.field.to_python(cursor.value), self.field.name
        sign = "lt" if self._falls(backwards) else "gt"
        further = Q(**{f"{name}__{sign}": value})
        return further | Q(**{name: value, f"pk__{sign}": cursor.key})

    def walk(
        self, rows: QuerySet, moment: datetime, cursor: Cursor | None, backwards: bool
    ) -> Walk:
        """Through the range that the rows' own conditions leave."""
        walk = Walk(self.model, self.field, moment, backwards=self._falls(backwards))
        first, last = _bounds(rows, self.field)
        start = None
        if cursor:
            start = (self._stored(self.field.to_python(cursor.value)), cursor.key)
        bounds = {"first": self._stored(first), "last": self._stored(last), "start": start}
        return replace(walk, **bounds)

    def _stored(self, value: Any) -> Any:
        if value is None:
            return None
        return self.field.get_db_prep_value(value, connection)


def _bounds(rows: QuerySet, field: models.Field) -> tuple[Any, Any]:
    """The least and the highest value of the column that the rows' conditions allow."""
    first = last = None
    for lookup in _lookups(rows.query.where, field):
        match lookup.lookup_name:
            case "exact":
                first = last = lookup.rhs
            case "range":
                first, last = lookup.rhs
            case "gte":
                first = lookup.rhs
            case "lte":
                last = lookup.rhs
    return first, last


def _lookups(node: Any, field: models.Field) -> Iterable[Any]:
    """The comparisons of the column that hold for all rows."""
    if node.connector != "AND" or node.negated:
        return
    for child in node.children:
        if hasattr(child, "connector"):
            yield from _lookups(child, field)
        elif isinstance(getattr(child, "lhs", None), Col) and child.lhs.target == field:
            yield child


def _without_joins(rows: QuerySet) -> tuple[QuerySet, list[Any]]:
    """The rows without their related ones, and what is to be read for the rows of a page: joins
    would read whole tables of the past."""
    joined = rows.query.select_related
    paths = list(_paths(joined)) if isinstance(joined, dict) else []
    related = [*paths, *rows._prefetch_related_lookups]  # type: ignore[attr-defined]
    return rows.select_related(None).prefetch_related(None), related


def _paths(joined: dict[str, Any], before: str = "") -> Iterable[str]:
    for name, further in joined.items():
        yield before + name
        yield from _paths(further, f"{before}{name}__")


def _number(text: str | None, name: str, default: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise exceptions.ValidationError({name: [_("A whole number above 0.")]})
    return min(int(text[:9]), most)
