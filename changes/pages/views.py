"""The pages of the log: all changes, one change, one line."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from changes.api.views import exported, line_of
from changes.log import groups, reading, statement
from changes.log.query import LogQuery, parse
from changes.log.rights import Reader
from changes.log.statement import Position
from changes.log.words import Names
from changes.pages.filters import Filters
from changes.pages.rows import ChangeRow, LineRow, by_day, rows_of

OF_ONE_CHANGE = 200  # lines of a page about one change


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """All changes, newest first."""
    reader = _reader(request)
    filters = Filters(request.GET, reader)
    status = 200
    try:
        query = parse(filters.values, reader)
    except ValidationError as error:
        filters.errors, status = error.message_dict, 400
        found = groups.ChangesPage([])
    else:
        found = groups.read_changes(query, reader, _after(request))
    context = {
        "title": _("History"),
        "filters": filters,
        "days": by_day(rows_of(found.changes, reader)),
        "older": filters.older_url(found.older),
        "searched_to": found.searched_to,
        "is_first": "after" not in request.GET,
    }
    return _answer(request, "log.html", context, status)


@require_safe
def change(request: HttpRequest, change: str) -> HttpResponse:
    """Everything that one change did, in the order of time."""
    reader = _reader(request)
    if "\0" in change:
        raise Http404
    page = reading.read(LogQuery(change=change), reader, OF_ONE_CHANGE, _after(request))
    if not page.lines:
        raise Http404
    names = Names(page.lines, reader)
    whole = groups.counted(page.lines, reader)
    row = ChangeRow(whole, names)
    context = {
        "title": _("Change"),
        "row": row,
        "lines": list(reversed(row.lines)),
        "older": page.older,
    }
    return _answer(request, "change.html", context)


@require_safe
def line(request: HttpRequest, key: str) -> HttpResponse:
    """One row of one table, changed once."""
    reader = _reader(request)
    found = line_of(key, reader)
    if found is None:
        raise Http404
    names = Names([found], reader)
    row = ChangeRow(groups.of_lines([found]), names)
    context = {"title": _("Change"), "row": row, "line": LineRow(found, names)}
    return _answer(request, "line.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The lines that meet the filters, as a file."""
    reader = _reader(request)
    filters = Filters(request.GET, reader)
    try:
        query = parse(filters.values, reader)
    except ValidationError as error:
        raise Http404 from error
    kind = "jsonl" if request.GET.get("as") == "jsonl" else "csv"
    return exported(kind, query, reader)


def _reader(request: HttpRequest) -> Reader:
    """Raises PermissionDenied for a user who may see no line at all."""
    reader = Reader.of(request)
    if not reader.tables():
        raise PermissionDenied
    return reader


def _after(request: HttpRequest) -> Position | None:
    try:
        return statement.decode(request.GET["after"])
    except (KeyError, ValueError):
        return None


def _answer(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, f"admin/changes/{template}", whole, status=status)
