"""The admin of environments: the addresses and ports of their services, and their timeouts."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ipam.admin.base import LedgerAdmin, LedgerInline
from registry.models import PortRange, RegistryConfig, Simulation


class RangeInline(LedgerInline):
    model = PortRange
    fields = ("service_type", "first", "last")


class SimulationInline(LedgerInline):
    model = Simulation
    fields = ("service_id", "latency_ms", "error_percent")


@admin.register(RegistryConfig)
class RegistryConfigAdmin(LedgerAdmin):
    list_display = (
        "environment",
        "mode",
        "service_ip_base",
        "ports",
        "timeout",
        "strategy",
        "service_count",
    )
    list_filter = (("mode", ChoicesDropdownFilter),)
    search_fields = ("environment",)
    readonly_fields = ()
    inlines = (RangeInline, SimulationInline)
    fieldsets = (
        (None, {"fields": ("environment", "mode", "service_ip_base", "subnet")}),
        (
            _("Ports"),
            {
                "fields": (
                    "port_first",
                    "port_last",
                    "reserved_ports",
                    "conflict_resolution_strategy",
                    "fallback",
                )
            },
        ),
        (_("Signs of life"), {"fields": ("heartbeat_timeout", "grace_period", "burst")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(number=Count("services"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(environment__icontains=search_term.strip()), False

    @admin.display(description=_("ports"), ordering="port_first")
    def ports(self, config: RegistryConfig) -> str:
        return f"{config.port_first}-{config.port_last}"

    @admin.display(description=_("time-out, grace"), ordering="heartbeat_timeout")
    def timeout(self, config: RegistryConfig) -> str:
        return f"{config.heartbeat_timeout} s, {config.grace_period} s"

    @admin.display(description=_("preferred port taken"), ordering="conflict_resolution_strategy")
    def strategy(self, config: RegistryConfig) -> str:
        return config.get_conflict_resolution_strategy_display()

    @admin.display(description=_("services"), ordering="number")
    def service_count(self, config: RegistryConfig) -> SafeString:
        url = f"../service/?{urlencode({'environment__id__exact': config.pk})}"
        number = config.number  # type: ignore[attr-defined]
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, number)
