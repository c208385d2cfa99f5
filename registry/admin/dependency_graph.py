"""The page of an environment's services at one glance: who needs whom, how they fare, and the files
for others."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from ipam.admin import marks
from registry.discovery import dependency_graph
from registry.export import FORMATS
from registry.models import RegistryConfig, Service
from registry.records import ServiceRecord

MOST = 150  # boxes, beyond which nobody sees anything
COLOURS = {"active": "yes", "inactive": "no", "restarting": "restarting"}


@dataclass(frozen=True, slots=True)
class Row:
    """One service in words."""

    record: ServiceRecord
    link: str
    badge: SafeString
    needs: list[str]
    missing: list[str]
    needed_by: list[str]


class PicturePage:
    """A mixin of the services' screen: the page, and the button that leads to it."""

    actions_list: Any = ("show_picture",)

    class Media:
        css = {"all": ["registry/admin.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture_view)  # type: ignore[attr-defined]
        return [path("picture/", view, name="registry_picture"), *super().get_urls()]  # type: ignore[misc]

    @action(
        description=_("Who needs whom"),
        url_path="show-picture",
        icon="account_tree",
        permissions=["view"],
    )
    def show_picture(self, request: HttpRequest) -> HttpResponse:
        return self.picture_view(request)

    def picture_view(self, request: HttpRequest) -> HttpResponse:
        """The picture of `?environment=`, or of what is around its `?service=`."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        known = list(
            RegistryConfig.objects.order_by("environment").values_list("environment", flat=True)
        )
        environment = chosen(request.GET.get("environment", ""), known)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": gettext("Who needs whom"),
            "opts": self.opts,  # type: ignore[attr-defined]
            "media": self.media,  # type: ignore[attr-defined]
            "environments": known,
            "chosen": environment,  # Unfold has a meaning of its own for "environment"
            "exports": exports(environment),
            **drawn(environment, request.GET.get("service", "").strip()),
        }
        return TemplateResponse(request, "admin/registry/picture.html", context)


def chosen(asked: str, known: list[str]) -> str:
    """The environment that was asked for, or ours, or the first."""
    return next((name for name in (asked, settings.ENVIRONMENT, *known) if name in known), "")


def drawn(environment: str, service_id: str) -> dict[str, Any]:
    """The picture, its services in words, and how many stand alone."""
    every = Service.objects.records(environment)
    links = {
        own: marks_url(pk)
        for own, pk in Service.objects.of(environment).values_list("service_id", "pk")
    }
    known = {record.service_id for record in every}
    shown = (
        dependency_graph.around(every, service_id)
        if service_id in known
        else dependency_graph.related(every)
    )
    found: dict[str, Any] = {
        "service": service_id,
        "unknown": bool(service_id) and service_id not in known,
        "total": len(every),
        "alone": len(every) - len(shown) if not service_id else 0,
        "too_many": len(shown) > MOST,
        "most": MOST,
        "ids": sorted(known)[:1000],
    }
    if shown and len(shown) <= MOST:
        laid = dependency_graph.lay_out(shown)
        found["picture"] = mark_safe(
            dependency_graph.svg(laid, links, gettext("Services of %s") % environment)
        )
        found["circle"] = sorted(laid.circle)
        found["rows"] = rows(shown, links)
    return found


def rows(records: list[ServiceRecord], links: dict[str, str]) -> list[Row]:
    """The services in words, ordered by id."""
    needed_by: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        for other in record.dependencies:
            needed_by[other].append(record.service_id)
    known = {record.service_id for record in records}
    return [
        Row(
            record,
            links.get(record.service_id, ""),
            status_badge(record.status),
            [other for other in record.dependencies if other in known],
            [other for other in record.dependencies if other not in known],
            sorted(needed_by[record.service_id]),
        )
        for record in sorted(records, key=lambda record: record.service_id)
    ]


def status_badge(status: str) -> SafeString:
    """A service's status by colour, sign and word."""
    label = Service.Status(status).label
    return marks.badge(COLOURS[status], format_html("{} {}", dependency_graph.SIGNS[status], label))


def marks_url(pk: int) -> str:
    return reverse("admin:registry_service_change", args=[pk])


def exports(environment: str) -> list[tuple[str, Any]]:
    """The files for other programs: address and title."""
    query = urlencode({"environment": environment})
    return [(f"/api/v1/ipmanager/export/{one.name}?{query}", one.title) for one in FORMATS.values()]


def picture_url(environment: str, service_id: str = "") -> str:
    query = {"environment": environment} | ({"service": service_id} if service_id else {})
    return f"{reverse('admin:registry_picture')}?{urlencode(query)}"
