"""VRFs, and what was seen on the wire."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ipam import search
from ipam.admin.base import LedgerAdmin, ListAdmin
from ipam.admin.filters import VRFFilter
from ipam.models import VRF, Sighting


@admin.register(VRF)
class VRFAdmin(LedgerAdmin):
    list_display = ("name", "rd", "subnet_count", "description")
    search_fields = ("name",)
    search_help_text = _("Name, route distinguisher or description")
    fieldsets = (
        (None, {"fields": ("name", "rd", "description")}),
        (_("Dates"), {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(subnets=Count("subnet"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        text = search_term.strip()
        found = Q(name__icontains=text) | Q(rd__icontains=text) | Q(description__icontains=text)
        return queryset.filter(found), False

    @admin.display(description=_("subnets"), ordering="subnets")
    def subnet_count(self, vrf: Any) -> SafeString:
        url = f"../subnet/?vrf={vrf.pk}"
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, vrf.subnets)


@admin.register(Sighting)
class SightingAdmin(ListAdmin):
    """Evidence: written by the machines, read here."""

    list_display = ("ip_address", "mac_address", "source", "seen_at", "leased_until", "vrf")
    list_display_links = None
    list_select_related = ("vrf",)
    list_filter = (("source", ChoicesDropdownFilter), VRFFilter)
    nothing_yet = _("Leases appear here as soon as the worker has read dnsmasq's lease file.")
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(search.condition(search_term, names=())), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Sighting | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Sighting | None = None) -> bool:
        return False
