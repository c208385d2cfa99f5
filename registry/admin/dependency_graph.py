"""The page with the dependencies of an environment's services, and links to its exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from registry.discovery import dependency_graph, dependency_svg
from registry.export import FORMATS
from registry.models import RegistryConfig, Service
from registry.records import ServiceRecord

MOST = 150  # boxes in a readable graph
COLOURS = {"active": "yes", "inactive": "no", "restarting": "restarting"}


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """A service and its dependencies in words."""

    record: ServiceRecord
    link: str
    badge: SafeString
    needs: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)


class DependencyGraphPage:
    """A mixin for the admin of services: the page, and the button that leads to it."""

    actions_list: Any = ("show_picture",)

    class Media:
        css = {"all": ["registry/admin.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture_view)  # type: ignore[attr-defined]
        urls = super().get_urls()  # type: ignore[misc]
        return [path("picture/", view, name="registry_picture"), *urls]

    @action(
        description=_("Who needs whom"),
        url_path="show-picture",
        icon="account_tree",
        permissions=["view"],
    )
    def show_picture(self, request: HttpRequest) -> HttpResponse:
        return self.picture_view(request)

    def picture_view(self, request: HttpRequest) -> HttpResponse:
        """The graph of `?environment=`, or the part of it around `?service=`."""
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
            "chosen": environment,  # Unfold uses the name "environment" itself
            "exports": exports(environment),
            **graph_context(environment, request.GET.get("service", "").strip()),
        }
        return TemplateResponse(request, "admin/registry/dependency_graph.html", context)


def chosen(requested: str, known: list[str]) -> str:
    """The requested environment, or IPMANAGER_ENVIRONMENT, or the first one."""
    for name in (requested, settings.ENVIRONMENT, *known):
        if name in known:
            return name
    return ""


def graph_context(environment: str, service_id: str) -> dict[str, Any]:
    """The graph, its services in words, and the number of services without dependencies."""
    every = Service.objects.records(environment)
    known = {record.service_id for record in every}
    context: dict[str, Any] = {
        "service": service_id,
        "unknown": bool(service_id) and service_id not in known,
        "total": len(every),
        "most": MOST,
        "ids": sorted(known)[:1000],
    }
    if service_id in known:
        shown = dependency_graph.around(every, service_id)
    else:
        shown = dependency_graph.related(every)
    if not service_id:
        context["alone"] = len(every) - len(shown)
    if len(shown) > MOST:
        context["too_many"] = True
    elif shown:
        links = service_links(environment)
        graph = dependency_graph.lay_out(shown)
        title = gettext("Services of %s") % environment
        context["picture"] = mark_safe(dependency_svg.svg(graph, links, title))
        context["circle"] = sorted(graph.circle)
        context["rows"] = summaries(shown, links)
    return context


def summaries(records: list[ServiceRecord], links: Mapping[str, str]) -> list[ServiceSummary]:
    """The services in words, ordered by id."""
    found: dict[str, ServiceSummary] = {}
    for record in sorted(records, key=lambda record: record.service_id):
        link = links.get(record.service_id, "")
        found[record.service_id] = ServiceSummary(record, link, status_badge(record.status))
    for own, summary in found.items():
        for other in summary.record.dependencies:
            if other in found:
                summary.needs.append(other)
                found[other].needed_by.append(own)
            else:
                summary.missing.append(other)
    return list(found.values())


def status_badge(status: str) -> SafeString:
    """The status of a service by colour, symbol and word."""
    label = Service.Status(status).label
    text = format_html("{} {}", dependency_svg.SYMBOLS[status], label)
    return marks.badge(COLOURS[status], text)


def service_links(environment: str) -> dict[str, str]:
    """The admin page of each service, by service id."""
    rows = Service.objects.of(environment).values_list("service_id", "pk")
    return {own: reverse("admin:registry_service_change", args=[pk]) for own, pk in rows}


def exports(environment: str) -> list[tuple[str, Any]]:
    """URL and title of each export."""
    query = urlencode({"environment": environment})
    return [(f"/api/v1/ipmanager/export/{one.name}?{query}", one.title) for one in FORMATS.values()]


def graph_url(environment: str, service_id: str) -> str:
    """The page with the part of the graph around a service."""
    query = urlencode({"environment": environment, "service": service_id})
    return f"{reverse('admin:registry_picture')}?{query}"
