"""The list of a model, and one of its rows, as they were at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.as_of.page import PastPage
from changes.past import shown
from core.errors import IPManagerError
from core.history.past import moments, tables
from core.history.past.walk import lines_of_row
from ipam.models import Subnet

FILTERS = ("subnet", "server", "vrf")  # by which links narrow a list


@require_safe
def past_list(request: HttpRequest, app: str, name: str) -> HttpResponse:
    model = _model(request, app, name)
    moment = _moment(request, model)
    if isinstance(moment, HttpResponse):
        return moment
    as_of = moment.isoformat()
    with tables.at(moment):
        rows = _narrowed(model, request)
    try:
        page = PastPage(rows.select_related(*shown.relations(model)), moment, Request(request))
        found = page.rows()
    except ValidationError as error:
        raise Http404 from error
    context = {
        **_context(request, model, moment),
        "title": _("%s in the past") % capfirst(model._meta.verbose_name_plural),
        "headers": shown.headers(model),
        "rows": [shown.cells(row, as_of) for row in found],
        "q": request.GET.get("q", ""),
        "kept": [(key, request.GET[key]) for key in FILTERS if request.GET.get(key)],
        "searches": hasattr(rows, "matching"),
        "next": page.next_link(),
        "previous": page.previous_link(),
        "now_url": _now_url(model),
    }
    return TemplateResponse(request, "admin/changes/past_list.html", context)


@require_safe
def past_row(request: HttpRequest, app: str, name: str, key: int) -> HttpResponse:
    model = _model(request, app, name)
    moment = _moment(request, model)
    if isinstance(moment, HttpResponse):
        return moment
    as_of, lines = moment.isoformat(), lines_of_row(model, key, moment)
    with tables.at(moment, {model: lines}):
        row = model._default_manager.filter(pk=key).first()
    context = {
        **_context(request, model, moment),
        "title": _("Nothing was there"),
        "list_url": shown.url(model, as_of),
        "now_url": _now_url(model, key) if model._default_manager.filter(pk=key).exists() else "",
    }
    if row is not None:
        with tables.at(moment):
            prefetch_related_objects([row], *shown.relations(model))
            context["title"] = str(row)
            context["facts"] = list(shown.facts(row, as_of))
            context["parts"] = list(_parts(request, row, as_of))
    status = 404 if row is None else 200
    return TemplateResponse(request, "admin/changes/past_row.html", context, status=status)


def _model(request: HttpRequest, app: str, name: str) -> Any:
    """Raises Http404 and PermissionDenied."""
    model = shown.find(app, name)
    if model is None:
        raise Http404
    if not shown.may_see(request, model):
        raise PermissionDenied
    return model


def _moment(request: HttpRequest, model: Any) -> datetime | HttpResponse:
    """The moment that is asked for. What is none leads back to the present, with the reason."""
    try:
        return moments.parse(request.GET.get("as_of", "now"))
    except IPManagerError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_now_url(model) or reverse("admin:index"))


def _narrowed(model: Any, request: HttpRequest) -> Any:
    rows = model._default_manager.order_by(*(model._meta.ordering or ["pk"]), "pk")
    if hasattr(rows, "matching") and request.GET.get("q"):
        rows = rows.matching(request.GET["q"][:200].replace("\0", ""))
    names = {field.name for field in model._meta.concrete_fields}
    for name in FILTERS:
        value = request.GET.get(name, "")
        if name in names and value.isascii() and value.isdecimal():
            rows = rows.filter(**{name: int(value[:18])})
    return rows


def _parts(request: HttpRequest, row: Any, as_of: str) -> Iterable[dict[str, Any]]:
    """Lists of the rows that belong to this one."""
    for model, column in shown.PARTS.get(type(row), ()):
        if model not in shown.models() or not shown.may_see(request, model):
            continue
        rows = model._default_manager.filter(**{column: row}).order_by("pk")
        found = list(rows.prefetch_related(*shown.relations(model))[: shown.MOST_PARTS])
        yield {
            "title": capfirst(model._meta.verbose_name_plural),
            "headers": shown.headers(model),
            "rows": [shown.cells(one, as_of) for one in found],
            "url": shown.url(model, as_of, **{column: row.pk}),
        }


def _context(request: HttpRequest, model: Any, moment: datetime) -> dict[str, Any]:
    local = timezone.localtime(moment)
    return {
        **admin.site.each_context(request),
        "media": admin.site.get_model_admin(Subnet).media,
        "moment": local,
        "picked": local.strftime("%Y-%m-%dT%H:%M"),
        "as_of": moment.isoformat(),
        "others": [
            (capfirst(other._meta.verbose_name_plural), shown.url(other, moment.isoformat()))
            for other in shown.models()
            if shown.may_see(request, other)
        ],
    }


def _now_url(model: Any, key: int | None = None) -> str:
    """The page of the present; empty where there is none."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    try:
        if key is None:
            return reverse(f"{name}_changelist")
        return reverse(f"{name}_change", args=[key])
    except NoReverseMatch:
        return ""
