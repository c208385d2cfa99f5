"""The admin of services: their addresses, ports and status."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)

from core.errors import IPManagerError
from ipam.admin import marks
from ipam.admin.base import WIDGETS, LedgerForm, LedgerInline, ListAdmin, ShowsRefusals
from registry import restart
from registry.admin.dependency_graph import DependencyGraphPage, graph_url, status_badge
from registry.models import Service, ServiceDependency
from registry.services.manual_edits import delete_services, save_service


class TypeFilter(DropdownFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        kinds = Service.objects.order_by("type").values_list("type", flat=True).distinct()
        return [(kind, kind) for kind in kinds[:100]]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if not self.value():
            return queryset
        return queryset.filter(type=self.value())


class DependencyInline(LedgerInline):
    model = ServiceDependency


@admin.register(Service)
class ServiceAdmin(DependencyGraphPage, ShowsRefusals, ListAdmin):
    form = LedgerForm
    list_display = (
        "service_id",
        "name",
        "type",
        "health",
        "place",
        "environment",
        "heard_of",
        "needs",
    )
    list_filter = (
        ("environment", RelatedDropdownFilter),
        ("status", ChoicesDropdownFilter),
        TypeFilter,
    )
    formfield_overrides = WIDGETS
    search_fields = ("service_id", "name", "type")
    search_help_text = _("Service id, name or type")
    nothing_yet = _("Services appear here when they register: POST /api/v1/ipmanager/register.")
    inlines = [DependencyInline]
    readonly_fields = (
        "status",
        "last_heartbeat",
        "inactive_since",
        "registered_from",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("environment", "service_id", "name", "type", "protocol")}),
        (
            _("Place"),
            {
                "fields": (
                    "ip_address",
                    "port",
                    "pinned",
                    "preferred_port",
                    "range_first",
                    "range_last",
                    "container_port",
                )
            },
        ),
        (_("Signs of life"), {"fields": readonly_fields}),
        (_("Further"), {"fields": ("restart_script", "additional_info")}),
    )
    actions = ("restart_them",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Service]:
        return Service.objects.with_related()

    def save_model(self, request: HttpRequest, obj: Service, form: Any, change: bool) -> None:
        save_service(obj)

    def delete_model(self, request: HttpRequest, obj: Service) -> None:
        delete_services([obj])

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Service]) -> None:
        delete_services(queryset)

    def has_restart_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry.add_restartrequest")

    @admin.action(description=_("Restart"), permissions=["restart"])
    def restart_them(self, request: HttpRequest, queryset: models.QuerySet[Service]) -> None:
        for service in queryset.select_related("restart_script")[:50]:
            try:
                requested = restart.request(service, request.user.get_username())
            except IPManagerError as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            status = requested.request.get_status_display()
            self.message_user(request, format_html(gettext("{}: {}"), service, status))

    @admin.display(description=_("status"), ordering="status")
    def health(self, service: Service) -> SafeString:
        return status_badge(service.status)

    @admin.display(description=_("address and port"), ordering="ip_address")
    def place(self, service: Service) -> Any:
        if service.port is None:
            return None
        return f"{service.record().socket}/{service.protocol}"

    @admin.display(description=_("last heartbeat"), ordering="last_heartbeat")
    def heard_of(self, service: Service) -> str:
        return marks.ago(service.last_heartbeat)

    @admin.display(description=_("needs"))
    def needs(self, service: Service) -> Any:
        if not service.dependencies:
            return None
        url = graph_url(service.environment_id, service.service_id)
        return format_html(
            '<a class="ipm-link" href="{}">{}</a>', url, ", ".join(service.dependencies)
        )
