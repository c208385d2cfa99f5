"""The log by REST: pages of lines, one line, and all of them as a file."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import StreamingHttpResponse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, may
from api.pagination import AFTER, MAX_SIZE, SIZE, page_link
from api.resources import refuse_unknown
from changes.api.serializers import ChangesPageSerializer, LineSerializer, as_json
from changes.lines import Line
from changes.log import export, reading, statement
from changes.log.loading import load
from changes.log.query import KINDS, NAMES, LogQuery, parse
from changes.log.rights import Reader
from changes.log.statement import Position
from changes.log.tables import logged_models
from changes.log.words import Names
from core.history.records import SOURCES

PAGE_SIZE = "page_size"
ABOUT = {
    "who": "A user's name, or a part of the name of a token, a command or a role of SQL.",
    "user": "Exactly this user.",
    "source": "How the change was made.",
    "since": "From this time on: a date, or a date and time.",
    "until": "Before this time.",
    "about": "An address, a network, a MAC address or a host name: every line that concerns it.",
    "table": "Of this table, as in ipam.ipaddress.",
    "object": "Of the row with this key; needs `table`.",
    "subnet": "Of this subnet, its pools, and the addresses, servers and interfaces in it.",
    "kind": "What happened to the row, or which security event it is.",
    "change": "Of this change.",
    "q": "A part of a text of the line; an address, a network or a MAC address as with `about`.",
}
CHOICES = {"source": list(SOURCES), "kind": list(KINDS)}
FILTERS = [
    OpenApiParameter(name, str, description=ABOUT[name], enum=CHOICES.get(name)) for name in NAMES
]
PAGES = [
    OpenApiParameter(AFTER, str, description="From `next`: the lines behind a place."),
    OpenApiParameter(PAGE_SIZE, int, description=f"At most {MAX_SIZE}; {SIZE} if not given."),
]


class MayRead(BasePermission):
    """A caller who may view one of the tables may read its lines."""

    def has_permission(self, request: Request, view: Any) -> bool:
        seen = Reader.of(request).tables()
        return any(may(request, _right(model)) for model in seen)


def _right(model: Any) -> Right:
    return Right("read", f"{model._meta.app_label}.view_{model._meta.model_name}")


def parsed(request: Request, reader: Reader) -> LogQuery:
    """The filters of a request. Raises ValidationError."""
    try:
        return parse(request.query_params, reader)
    except ValidationError as error:
        raise exceptions.ValidationError(error.message_dict) from error


class Changes(APIView):
    permission_classes = [MayRead]

    @extend_schema(
        operation_id="v1_changes_list",
        parameters=[*FILTERS, *PAGES],
        responses=ChangesPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """The lines of the log that the caller may see, newest first. Each is one row of one table,
        changed once."""
        refuse_unknown(request, *NAMES, AFTER, PAGE_SIZE)
        reader = Reader.of(request)
        page = reading.read(parsed(request, reader), reader, _size(request), _after(request))
        names = Names(page.lines, reader)
        following = None
        if page.older:
            following = page_link(request, AFTER, page.older.encode())
        return Response(
            {
                "next": following,
                "searched_to": page.searched_to,
                "results": [as_json(line, names) for line in page.lines],
            }
        )


class ChangesLine(APIView):
    permission_classes = [MayRead]

    @extend_schema(operation_id="v1_changes_retrieve", responses=LineSerializer)
    def get(self, request: Request, key: str) -> Response:
        """One line, by its id."""
        refuse_unknown(request)
        reader = Reader.of(request)
        line = line_of(key, reader)
        if line is None:
            raise exceptions.NotFound()
        return Response(as_json(line, Names([line], reader)))


class ChangesExport(APIView):
    permission_classes = [MayRead]

    @extend_schema(
        parameters=[
            *FILTERS,
            OpenApiParameter("as", str, enum=list(export.KINDS), description="csv if not given."),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All lines that meet the filters, newest first: as CSV, or as JSON with one line each."""
        refuse_unknown(request, *NAMES, "as")
        kind = request.query_params.get("as", "csv")
        if kind not in export.KINDS:
            raise exceptions.ValidationError(
                {"as": [_("Choose one of: %s.") % ", ".join(export.KINDS)]}
            )
        reader = Reader.of(request)
        return exported(kind, parsed(request, reader), reader)


def exported(kind: str, query: LogQuery, reader: Reader) -> StreamingHttpResponse:
    """The lines as a file that is written while it is sent."""
    name = f"changes-{localdate().isoformat()}.{export.KINDS[kind].ending}"
    return StreamingHttpResponse(
        export.KINDS[kind].write(query, reader, as_json),
        content_type=export.KINDS[kind].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def line_of(key: str, reader: Reader) -> Line | None:
    """The line with this name, if the reader may see it."""
    table, _separator, number = key.rpartition(":")
    known = {model._meta.label_lower for model in logged_models()}
    if table not in known or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    place = Position("", table, int(number))
    return load([place], reader).get(place)


def _size(request: Request) -> int:
    text = request.query_params.get(PAGE_SIZE, str(SIZE))
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise exceptions.ValidationError({PAGE_SIZE: [_("This is not a number of lines.")]})
    return min(int(text), MAX_SIZE)


def _after(request: Request) -> Position | None:
    text = request.query_params.get(AFTER)
    if text is None:
        return None
    try:
        return statement.decode(text)
    except ValueError as error:
        message = _("This is not a link of this list. Begin anew without it.")
        raise exceptions.ValidationError({AFTER: [message]}) from error


ROUTES = {
    "changes/": Changes,
    "changes/export/": ChangesExport,
    "changes/<str:key>/": ChangesLine,
}
