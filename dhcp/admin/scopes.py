"""How subnets are served: lease times, and the DHCP options of their machines."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter

from dhcp.files import effective_scope
from dhcp.models import DhcpOption, DhcpScope
from ipam.admin import marks
from ipam.admin.base import WIDGETS, LedgerForm, LedgerInline, ListAdmin


class OptionInline(LedgerInline):
    model = DhcpOption
    fields = ("number", "type", "value")


@admin.register(DhcpScope)
class ScopeAdmin(ListAdmin):
    list_before_template = "admin/changes/picker_before_list.html"
    form = LedgerForm
    formfield_overrides = WIDGETS
    list_display = (
        "subnet",
        "enabled",
        "lease",
        "known_only",
        "ranges",
        "effective_router",
        "effective_dns",
        "effective_domain",
    )
    list_filter = (("enabled", BooleanRadioFilter), ("known_only", BooleanRadioFilter))
    nothing_yet = _("A subnet with a scope is served by DHCP: its pools, lease time and options.")
    autocomplete_fields = ("subnet", "wire")
    inlines = (OptionInline,)
    fieldsets = (
        (None, {"fields": ("subnet", "server", "enabled", "lease_time", "known_only")}),
        (
            _("DHCP options"),
            {"fields": ("router", "dns_servers", "ntp_servers", "domain")},
        ),
        (_("Network boot"), {"fields": ("boot_server", "boot_file")}),
        (_("IPv6"), {"fields": ("advertises", "by_end")}),
        (_("A wire with several subnets"), {"fields": ("wire", "wire_address", "interface")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("subnet").order_by("subnet__network")
        return rows.prefetch_related("options", "subnet__pools")

    @admin.display(description=_("lease time"), ordering="lease_time")
    def lease(self, scope: DhcpScope) -> str:
        return f"{scope.lease_time} s"

    @admin.display(description=_("DHCP pools"))
    def ranges(self, scope: DhcpScope) -> str | SafeString:
        pools = [str(pool) for pool in scope.subnet.pools.all() if pool.kind == "dhcp"]
        return ", ".join(pools) or gettext("reservations only")

    @admin.display(description=_("router"))
    def effective_router(self, scope: DhcpScope) -> str | SafeString:
        return _effective(scope, "router")

    @admin.display(description=_("DNS servers"))
    def effective_dns(self, scope: DhcpScope) -> str | SafeString:
        return _effective(scope, "dns")

    @admin.display(description=_("domain"))
    def effective_domain(self, scope: DhcpScope) -> str | SafeString:
        return _effective(scope, "domain")


def _effective(scope: DhcpScope, field: str) -> str | SafeString:
    """What the machines get: the scope's own value, or the inherited one."""
    record, _problems = effective_scope.record(scope)
    value = getattr(record, field, None)
    if not value:
        return marks.NOTHING
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
