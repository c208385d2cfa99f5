"""Foreign DHCP servers, and those that are allowed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import F
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.local_time import when
from discovery.manufacturer import manufacturer
from discovery.pages import ReadOnlyAdmin, mac_line
from discovery.rogue.models import RogueServer
from ipam import search
from ipam.admin import marks


@admin.register(RogueServer)
class RogueServerAdmin(ReadOnlyAdmin):
    """`allowed` is the one field that people write: emptied, the server is a conflict again."""

    list_display = ("server", "state", "place", "machine", "offer", "last_seen_at", "allowed")
    list_display_links = ("server",)
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")
    nothing_yet = _("No foreign DHCP server has answered.")
    readonly_fields = (
        "server",
        "state",
        "place",
        "machine",
        "offer",
        "router",
        "client_mac",
        "first_seen",
        "last_seen",
    )
    fieldsets = (
        (None, {"fields": ("server", "state", "place", "machine", "allowed")}),
        (_("Seen"), {"fields": ("offer", "router", "client_mac", "first_seen", "last_seen")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm("discovery.change_rogueserver")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        return queryset.filter(search.condition(search_term, names=(F("place"),))), False

    @admin.display(description=_("server"), ordering="ip_address")
    def server(self, row: RogueServer) -> Any:
        return row.ip_address or gettext("not known (dnsmasq's log)")

    @admin.display(description=_("state"))
    def state(self, row: RogueServer) -> SafeString:
        if row.allowed:
            return marks.badge("yes", gettext("Allowed"))
        if row.gone_at:
            return marks.badge("unknown", gettext("Gone"))
        return marks.badge("no", gettext("Answers"))

    @admin.display(description=_("machine"), ordering="mac_address")
    def machine(self, row: RogueServer) -> SafeString:
        if not row.mac_address:
            return marks.NOTHING
        return mac_line(row.mac_address, manufacturer(row.mac_address))

    @admin.display(description=_("offers"))
    def offer(self, row: RogueServer) -> Any:
        return row.offer or marks.NOTHING

    @admin.display(description=_("last seen"), ordering="last_seen")
    def last_seen_at(self, row: RogueServer) -> str:
        return when(row.last_seen)
