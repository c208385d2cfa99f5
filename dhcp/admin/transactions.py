"""The DHCP transactions that dnsmasq has logged: all of them as a list, and each machine's as a
timeline."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from dhcp.admin.generations import ReadOnlyAdmin
from dhcp.log import timeline
from dhcp.models import DhcpLog, DhcpTransaction
from ipam import search
from ipam.admin import marks

Kind = DhcpTransaction.Kind
COLOURS = {
    Kind.ACK: "yes",
    Kind.OFFER: "reserved",
    Kind.NAK: "no",
    Kind.DECLINE: "no",
    Kind.IGNORED: "no",
    Kind.FULL: "no",
    Kind.NO_RANGE: "no",
    Kind.NOT_USED: "no",
    Kind.DISABLED: "no",
    Kind.DUPLICATE: "no",
    Kind.LOST: "no",
}


@admin.register(DhcpTransaction)
class TransactionAdmin(ReadOnlyAdmin):
    list_display = ("moment", "machine", "what", "ip_address", "interface", "detail", "dhcp_server")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")
    nothing_yet = _("dnsmasq has logged nothing that was read. Set IPMANAGER_DNSMASQ_LOG.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("server")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        return queryset.filter(search.condition(search_term, names=())), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.timeline_view)
        return [path("timeline/", view, name="dhcp_timeline"), *super().get_urls()]

    def timeline_view(self, request: HttpRequest) -> HttpResponse:
        """The timeline of one machine, by MAC address, IP address or host name."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("q", "")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("DHCP timeline"),
            "asked": asked,
            "opts": self.opts,
            "media": self.media,
            "logs": DhcpLog.objects.select_related("server"),
            "log_setting": settings.DNSMASQ_LOG,
        }
        if asked:
            context |= self._timeline(request, asked)
        return TemplateResponse(request, "admin/dhcp/timeline.html", context)

    def _timeline(self, request: HttpRequest, asked: str) -> dict[str, Any]:
        try:
            machine = timeline.find(asked)
        except ValueError:
            text = gettext("Enter a MAC address, an IP address or a host name.")
            return {"error": text}
        before = request.GET.get("before", "")
        page = timeline.page(machine, int(before) if _is_key(before) else None)
        rows = [(step, what_badge(step.row), to_the_second(step.row.at)) for step in page.steps]
        older = ""
        if page.older:
            older = f"?{urlencode({'q': asked, 'before': str(page.older)})}"
        return {"machine": machine, "rows": rows, "older": older}

    @admin.display(description=_("when"), ordering="id")
    def moment(self, row: DhcpTransaction) -> str:
        return to_the_second(row.at)

    @admin.display(description=_("machine"), ordering="mac_address")
    def machine(self, row: DhcpTransaction) -> SafeString | str:
        if not row.mac_address:
            return row.duid or marks.NOTHING
        url = timeline_url(row.mac_address)
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, row.mac_address)

    @admin.display(description=_("what"), ordering="kind")
    def what(self, row: DhcpTransaction) -> SafeString:
        return what_badge(row)

    @admin.display(description=_("DHCP server"), ordering="server")
    def dhcp_server(self, row: DhcpTransaction) -> str:
        return self.server_or_default(row)


def what_badge(row: DhcpTransaction) -> SafeString:
    """What happened, as a coloured badge."""
    return marks.badge(COLOURS.get(Kind(row.kind), "unknown"), row.get_kind_display())


def to_the_second(at: Any) -> str:
    return f"{formats.date_format(localtime(at))} {localtime(at):%H:%M:%S}"


def timeline_url(text: str) -> str:
    """The timeline of a MAC address, an IP address or a host name."""
    return f"{reverse('admin:dhcp_timeline')}?{urlencode({'q': text})}"


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
