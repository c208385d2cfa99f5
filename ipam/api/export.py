"""The rows of a filtered list as CSV or as an Excel workbook."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request

from ipam.transfer import exports, workbook

KINDS = ("csv", "xlsx")


class Export:
    """What a Resource of the ledger needs for `…/export/`. `exported` names its layout."""

    exported = ""

    @extend_schema(
        parameters=[
            OpenApiParameter("as", str, enum=KINDS, description="csv unless asked otherwise.")
        ],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, workbook.TYPE): OpenApiTypes.BINARY},
        description="The filtered rows as a table. import_csv reads the CSV of subnets, servers "
        "and interfaces.",
    )
    @action(detail=False, pagination_class=None)
    def export(self: Any, request: Request) -> HttpResponseBase:
        kind = request.query_params.get("as", KINDS[0])
        if kind not in KINDS:
            raise exceptions.ValidationError({"as": [_("Choose one of: %s.") % ", ".join(KINDS)]})
        rows = self.filter_queryset(self.get_queryset())
        german = (get_language() or "").startswith("de")
        name = f"{self.exported}-{localdate().isoformat()}.{kind}"
        layout = exports.LAYOUTS[self.exported]
        if kind == "xlsx":
            file = workbook.workbook(self.exported, exports.table(rows, layout, german=german))
            return FileResponse(file, as_attachment=True, filename=name, content_type=workbook.TYPE)
        text = exports.text(rows, layout, german=german)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
