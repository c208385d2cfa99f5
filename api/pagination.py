"""Pages of lists: by number, or from a row on (`after`, `before`), which costs the same however
deep the page is.

The links `next` and `previous` name a row (keyset pagination) wherever the order allows it. Rows
are counted once, for the page that is asked for by number; the links carry the count along."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

SIZE, MAX_SIZE = 50, 1000
AFTER, BEFORE, PAGE = "after", "before", "page"
_NUMBER = re.compile("[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True)
class Cursor:
    """A row's place in an order: the value that it is ordered by, as text, and its key; and how
    many rows there were."""

    value: str
    key: int
    count: int

    def encode(self) -> str:
        """As it stands in a URL."""
        text = json.dumps([self.value, self.key, self.count], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str) -> Cursor | None:
    """The cursor that `encode` has written; None for any other text."""
    try:
        value, key, count = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        # A database takes neither NUL nor half of a surrogate pair, which cannot be encoded.
        storable = b"\0" not in value.encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    if not storable or not all(map(_is_count, (key, count))):
        return None
    return Cursor(value, key, count)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**18  # True is an int, too


def page_link(request: Request | HttpRequest, name: str, value: str) -> str:
    """The URL of this list with one of AFTER, BEFORE and PAGE set."""
    url = request.build_absolute_uri()
    for other in {AFTER, BEFORE, PAGE} - {name}:
        url = remove_query_param(url, other)
    return replace_query_param(url, name, value)


@dataclass(frozen=True)
class RequestedPage:
    """Which page of a plain list a query asks for."""

    size: int
    number: int
    cursor: Cursor | None
    backwards: bool


def requested_page(query: QueryDict) -> RequestedPage | None:
    """The page that the query names; None when it names anything else, or does not name it well."""
    places = set(query) - {"page_size"}
    if places not in (set(), {AFTER}, {BEFORE}, {PAGE}):
        return None
    size, number = query.get("page_size", str(SIZE)), query.get(PAGE, "1")
    if not (_NUMBER.fullmatch(size) and _NUMBER.fullmatch(number)):
        return None
    cursor = None
    if not places <= {PAGE}:
        cursor = decode_cursor(query.get(places.pop(), ""))
        if cursor is None:
            return None
    return RequestedPage(min(int(size), MAX_SIZE), int(number), cursor, BEFORE in query)


class Pagination(PageNumberPagination):
    """`?page=2&page_size=200`: 50 rows by default, at most 1000."""

    page_size = SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_SIZE

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request, self.order = request, order_of(queryset)
        named = {AFTER, BEFORE, PAGE} & set(request.query_params)
        if len(named) > 1:
            message = _("Use only one of after, before and page.")
            raise exceptions.ValidationError({min(named): [message]})
        if named in ({AFTER}, {BEFORE}):
            return self._by_cursor(queryset, request, backwards=named == {BEFORE})
        return self._by_number(queryset, request, view)

    def _by_number(self, queryset: QuerySet, request: Request, view: APIView | None) -> list[Any]:
        rows = super().paginate_queryset(queryset, request, view)
        assert rows is not None and self.page is not None
        self.rows, self.count = rows, self.page.paginator.count
        self.has_next, self.has_previous = self.page.has_next(), self.page.has_previous()
        return rows

    def _by_cursor(self, queryset: QuerySet, request: Request, *, backwards: bool) -> list[Any]:
        name = BEFORE if backwards else AFTER
        cursor = decode_cursor(request.query_params[name])
        if self.order is None or cursor is None:
            raise _not_a_link(name)
        self.page, self.count = None, cursor.count
        size = self.get_page_size(request) or SIZE
        rows = queryset.filter(self.order.beyond(cursor, backwards))
        if backwards:
            found = list(rows.reverse()[: size + 1])
            self.has_next, self.has_previous = True, len(found) > size
            self.rows = found[:size][::-1]
        else:
            found = list(rows[: size + 1])
            self.has_next, self.has_previous = len(found) > size, True
            self.rows = found[:size]
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        body = {
            "count": self.count,
            "next": self.get_next_link(),
            "previous": self.get_previous_link(),
            "results": data,
        }
        return Response(body)

    def get_next_link(self) -> str | None:
        if not self.has_next:
            return None
        if self.order and self.rows:
            return self._cursor_link(AFTER, self.rows[-1])
        return self._number_link(1)

    def get_previous_link(self) -> str | None:
        if not self.has_previous:
            return None
        if self.page is None and self.rows:
            return self._cursor_link(BEFORE, self.rows[0])
        return self._number_link(-1)

    def _number_link(self, step: int) -> str | None:
        if self.page is None:
            return None
        assert self.request is not None
        return page_link(self.request, PAGE, str(self.page.number + step))

    def _cursor_link(self, name: str, row: Any) -> str:
        assert self.order is not None and self.request is not None
        return page_link(self.request, name, self.order.cursor(row, self.count).encode())

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            *super().get_schema_operation_parameters(view),
            _query_parameter(AFTER, "As in the link `next`."),
            _query_parameter(BEFORE, "As in the link `previous`."),
        ]


def _query_parameter(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


@dataclass(frozen=True)
class RowOrder:
    """By one column that every row has a value in, then by the key."""

    field: Field
    descending: bool

    def cursor(self, row: Any, count: int) -> Cursor:
        return Cursor(self.field.value_to_string(row), row.pk, count)

    def beyond(self, cursor: Cursor, backwards: bool) -> Q:
        """The rows after the cursor, or those before it. Raises ValidationError."""
        try:
            value = self._value(cursor.value)
        except (ValidationError, ValueError, OverflowError) as error:
            raise _not_a_link(AFTER) from error
        name = self.field.name
        further = "lt" if self.descending != backwards else "gt"
        further_key = "lt" if backwards else "gt"
        from_here = Q(**{f"{name}__{further}e": value})
        return from_here & (
            Q(**{f"{name}__{further}": value}) | Q(**{f"pk__{further_key}": cursor.key})
        )

    def _value(self, text: str) -> Any:
        """What the text means; a time in UTC, which is what databases can compare."""
        value = self.field.to_python(text)
        if value is None:
            raise ValueError("every row has a value")
        if isinstance(value, datetime):
            value = value.astimezone(UTC)
        return value


def order_of(queryset: QuerySet) -> RowOrder | None:
    """What the rows are ordered by, if it is one column without NULL and then the key."""
    match queryset.query.order_by:
        case [str(name), "pk"]:
            field = _field(queryset, name.removeprefix("-"))
        case _:
            return None
    if not isinstance(field, Field) or field.null or field.is_relation:
        return None
    return RowOrder(field, name.startswith("-"))


def _field(queryset: QuerySet, name: str) -> Any:
    """The model's field or relation of this name, or None."""
    try:
        return queryset.model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _not_a_link(name: str) -> exceptions.ValidationError:
    return exceptions.ValidationError(
        {name: [_("Use the links of a list in the same order, or page.")]}
    )
