"""Pages of lists: by number, or from a row on (`after`, `before`), which costs the same however
deep the page is.

`next` and `previous` lead by rows wherever the order allows it. Rows are counted once, for the page
that was asked for by number; the links carry that count along."""

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

SIZE, MOST = 50, 1000
AFTER, BEFORE, PAGE = "after", "before", "page"
_NUMBER = re.compile("[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A row's place in an order: the value that it is ordered by, as text, its key; and how many
    rows there were."""

    value: str
    key: int
    count: int

    def seal(self) -> str:
        text = json.dumps([self.value, self.key, self.count], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unseal(text: str) -> Place | None:
    """The place that `seal` has written, or None."""
    try:
        value, key, count = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fine = (
            b"\0" not in str(value).encode()
        )  # half of a surrogate pair is no text for a database either
    except (ValueError, TypeError, RecursionError):
        return None
    fine = (
        fine
        and isinstance(value, str)
        and all(type(n) is int and 0 <= n < 10**18 for n in (key, count))
    )
    return Place(value, key, count) if fine else None


def link(request: Request | HttpRequest, name: str, value: str) -> str:
    """The address of this list from another place on."""
    url = request.build_absolute_uri()
    for other in {AFTER, BEFORE, PAGE} - {name}:
        url = remove_query_param(url, other)
    return replace_query_param(url, name, value)


@dataclass(frozen=True)
class Asked:
    """Which page of a plain list somebody wants."""

    size: int
    number: int
    place: Place | None
    backwards: bool


def asked(query: QueryDict) -> Asked | None:
    """The page that the query names; None when it names anything else, or does not name it well."""
    names = set(query)
    if not names <= {AFTER, BEFORE, PAGE, "page_size"} or len(names - {"page_size"}) > 1:
        return None
    size, number = query.get("page_size", str(SIZE)), query.get(PAGE, "1")
    text = query.get(AFTER) or query.get(BEFORE)
    place = unseal(text) if text else None
    if not (_NUMBER.fullmatch(size) and _NUMBER.fullmatch(number)) or bool(place) != bool(
        names & {AFTER, BEFORE}
    ):
        return None
    return Asked(min(int(size), MOST), int(number), place, BEFORE in names)


class Pages(PageNumberPagination):
    """`?page=2&page_size=200`: 50 rows unless asked otherwise, 1000 at most, however many are asked
    for."""

    page_size = SIZE
    page_size_query_param = "page_size"
    max_page_size = MOST

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request, self.order = request, _order(queryset)
        asked = [name for name in (AFTER, BEFORE, PAGE) if name in request.query_params]
        if len(asked) > 1:
            raise exceptions.ValidationError({asked[0]: [_("Say one of after, before and page.")]})
        if PAGE in asked or not asked:
            return self._by_number(queryset, request, view)
        return self._by_place(queryset, request, backwards=asked == [BEFORE])

    def _by_number(self, queryset: QuerySet, request: Request, view: APIView | None) -> list[Any]:
        rows = super().paginate_queryset(queryset, request, view)
        assert rows is not None and self.page is not None
        self.rows, self.count = rows, self.page.paginator.count
        self.more, self.less = self.page.has_next(), self.page.has_previous()
        return rows

    def _by_place(self, queryset: QuerySet, request: Request, *, backwards: bool) -> list[Any]:
        name = BEFORE if backwards else AFTER
        place = unseal(request.query_params[name])
        if self.order is None or place is None:
            raise exceptions.ValidationError(
                {name: [_("Use the links of a list in the same order, or page.")]}
            )
        size = self.get_page_size(request) or SIZE
        rows = queryset.filter(self.order.beyond(place, backwards))
        found = list((rows.reverse() if backwards else rows)[: size + 1])
        self.page, self.count, further = None, place.count, len(found) > size
        self.more, self.less = (True, further) if backwards else (further, True)
        self.rows = found[:size][::-1] if backwards else found[:size]
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_next_link(self) -> str | None:
        if not self.more or self.request is None:
            return None
        if self.order and self.rows:
            return link(self.request, AFTER, self.order.place(self.rows[-1], self.count).seal())
        return (
            link(self.request, PAGE, str(self.page.next_page_number()))
            if self.page is not None
            else None
        )

    def get_previous_link(self) -> str | None:
        if not self.less or self.request is None:
            return None
        if self.page is not None:
            return link(self.request, PAGE, str(self.page.previous_page_number()))
        return (
            link(self.request, BEFORE, self.order.place(self.rows[0], self.count).seal())
            if self.order and self.rows
            else None
        )

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        places = [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in (
                (AFTER, "As in the link `next`."),
                (BEFORE, "As in the link `previous`."),
            )
        ]
        return [*super().get_schema_operation_parameters(view), *places]


@dataclass(frozen=True)
class Order:
    """By one column that every row has a value in, then by the key."""

    field: Field
    down: bool

    def place(self, row: Any, count: int) -> Place:
        return Place(self.field.value_to_string(row), row.pk, count)

    def _value(self, text: str) -> Any:
        """What the text means; a moment in UTC, which is what databases can compare."""
        value = self.field.to_python(text)
        if value is None:
            raise ValueError("every row has a value")
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    def beyond(self, place: Place, backwards: bool) -> Q:
        """The rows behind the place, or those before it. Raises ValidationError."""
        try:
            value = self._value(place.value)
        except (ValidationError, ValueError, OverflowError) as error:
            raise exceptions.ValidationError(
                {AFTER: [_("Use the links of a list in the same order, or page.")]}
            ) from error
        name, sign, key = (
            self.field.name,
            "lt" if self.down != backwards else "gt",
            "lt" if backwards else "gt",
        )
        return Q(**{f"{name}__{sign}e": value}) & (
            Q(**{f"{name}__{sign}": value}) | Q(**{f"pk__{key}": place.key})
        )


def _order(queryset: QuerySet) -> Order | None:
    """What the rows are ordered by, if it is one column without gaps and then the key."""
    order = queryset.query.order_by
    if len(order) != 2 or order[1] != "pk" or not isinstance(order[0], str):
        return None
    try:
        field = queryset.model._meta.get_field(order[0].removeprefix("-"))
    except FieldDoesNotExist:
        return None
    plain = isinstance(field, Field) and not field.null and not field.is_relation
    return Order(field, order[0].startswith("-")) if plain else None
