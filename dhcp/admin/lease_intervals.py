"""Who held which address by DHCP, from when to when, and how that ended."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from dhcp.admin.generations import ReadOnlyAdmin
from dhcp.admin.leases import why_url
from dhcp.leases.lease_file import FOREVER
from dhcp.models import LeaseInterval
from ipam import search
from ipam.admin import marks


@admin.register(LeaseInterval)
class LeaseIntervalAdmin(ReadOnlyAdmin):
    list_display = ("ip_address", "holder", "hostname", "started_at", "end", "how", "dhcp_server")
    list_display_links = None
    list_filter = (("ended_how", ChoicesDropdownFilter),)
    search_fields = ("ip_address",)
    search_help_text = _("Host name, IP, network or MAC")
    nothing_yet = _("No lease file was read yet. Set IPMANAGER_DNSMASQ_LEASES.")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        condition = search.condition(search_term, names=(models.F("hostname"),))
        return queryset.filter(condition), False

    @admin.display(description=_("machine"), ordering="mac_address")
    def holder(self, row: LeaseInterval) -> SafeString | str:
        if not row.mac_address:
            return row.client_id or marks.NOTHING
        return format_html(
            '<a class="ipm-link" href="{}">{}</a>', why_url(row.mac_address), row.mac_address
        )

    @admin.display(description=_("until"), ordering="ended_at")
    def end(self, row: LeaseInterval) -> object:
        return row.ended_at or marks.NOTHING

    @admin.display(description=_("how it ended"), ordering="ended_how")
    def how(self, row: LeaseInterval) -> str:
        if not row.is_open:
            return row.get_ended_how_display()
        if row.leased_until == FOREVER:
            return gettext("lasts, without an end")
        return gettext("lasts")

    @admin.display(description=_("DHCP server"), ordering="origin")
    def dhcp_server(self, row: LeaseInterval) -> str:
        return row.origin or gettext("default")
