"""The rows of a list as a file: those that its filters and its search leave, for those who may see
the list.

Lists of the ledger have the columns that an import reads; every other list those of its columns
that its own table, or one that it refers to, holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path
from django.utils.timezone import localdate
from django.utils.translation import get_language

from core.errors import Invalid
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.transfer import exports, sheet, workbook
from ipam.transfer.exports import CHUNK

Row = list[str]
# What an import reads, by model; and the tables that its cells need beside its own.
LAYOUTS: dict[type[Model], tuple[str, Callable[[QuerySet[Any]], QuerySet[Any]]]] = {
    Subnet: ("subnets", lambda rows: rows.prefetch_related("pools")),
    Server: ("servers", lambda rows: rows),
    Interface: ("interfaces", lambda rows: rows.select_related("server")),
    IPAddress: ("ip-addresses", lambda rows: rows.select_related("subnet", "server")),
}
NAMED_BY = ("hostname", "network", "name", "username", "service_id", "ip_address")
FORMATS = ("csv", "xlsx", "json")


class Exports:
    """What a list needs for `…/export/?as=csv` with its own filters."""

    list_after_template = "admin/ipam/export.html"
    import_kind = ""  # what a file that is imported here holds; empty: none is

    def export_url(self: Any) -> URLPattern:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return path("export/", self.admin_site.admin_view(self.export_view), name=name)

    def export_view(self: Any, request: HttpRequest) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.copy()
        format_name = asked.pop("as", ["csv"])[-1]
        vars(request)["GET"] = asked  # what is left are the filters of the list
        name = f"{self.opts.model_name}-{localdate().isoformat()}.{format_name}"
        answer = _ANSWERS.get(format_name)
        if answer is None:
            raise Http404
        try:
            rows = self.get_changelist_instance(request).queryset
            return answer(table(self, request, rows), name)
        except (IncorrectLookupParameters, Invalid) as error:  # more rows than a sheet holds
            messages.error(request, str(error))
            return HttpResponseRedirect("../")


def table(page: Any, request: HttpRequest, rows: QuerySet[Any]) -> Iterator[Row]:
    """The heading, then the cells of every row. The number of queries grows with the rows by one
    for some thousand."""
    if page.model in LAYOUTS:
        kind, with_others = LAYOUTS[page.model]
        german = (get_language() or "").startswith("de")
        return exports.table(with_others(rows), exports.LAYOUTS[kind], german=german)
    columns = {str(page.opts.pk.verbose_name): "pk", **dict(_columns(page, request))}
    values = rows.values_list(*columns.values()).iterator(chunk_size=CHUNK)
    return chain([list(columns)], map(_texts, values))


def _columns(page: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
    """The heading of each column that a table holds, and where."""
    for name in page.get_list_display(request):
        place = _column(page.model, _place(page, name))
        if place:
            yield str(label_for_field(name, page.model, page)), place


def _place(page: Any, name: Any) -> str:
    """The field of a column; of one that the page works out, that by which it is sorted."""
    order = getattr(getattr(page, str(name), None), "admin_order_field", name)
    return str(order).lstrip("-")


def _column(model: Any, place: str) -> str:
    """The place as one of a column; of another row, what it is called. Empty if there is none."""
    first, _dots, rest = place.partition("__")
    fields = _fields(model)
    if first not in fields:
        return ""
    other = fields[first].related_model
    if other is not None:
        return f"{first}__{_column(other, rest or _called(other)) or 'pk'}"
    return {"": first}.get(rest, "")


def _fields(model: Any) -> dict[str, Any]:
    fields = model._meta.concrete_fields
    return dict(zip(map(attrgetter("name"), fields), fields, strict=True))


def _called(model: Any) -> str:
    return next(filter(_fields(model).__contains__, NAMED_BY), "pk")


def _texts(values: Iterable[Any]) -> Row:
    return ["" if value is None else str(value) for value in values]


# --- formats --------------------------------------------------------------------------------------


def _csv(rows: Iterator[Row], name: str) -> HttpResponseBase:
    return _streamed(sheet.lines(rows, ","), name, "text/csv; charset=utf-8")


def _xlsx(rows: Iterator[Row], name: str) -> HttpResponseBase:
    file = workbook.workbook(name.partition(".")[0], rows)
    return FileResponse(file, as_attachment=True, filename=name, content_type=workbook.TYPE)


def _json(rows: Iterator[Row], name: str) -> HttpResponseBase:
    return _streamed(_objects(rows), name, "application/json")


def _objects(rows: Iterator[Row]) -> Iterator[str]:
    """A list of objects, one on each line."""
    heading = next(rows)
    comma = "[\n"
    for row in rows:
        yield comma + json.dumps(dict(zip(heading, row, strict=True)), ensure_ascii=False)
        comma = ",\n"
    yield "\n]\n" if comma != "[\n" else "[]\n"


def _streamed(text: Iterator[str], name: str, kind: str) -> HttpResponseBase:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(text, content_type=kind, headers=headers)


_ANSWERS = dict(zip(FORMATS, (_csv, _xlsx, _json), strict=True))
