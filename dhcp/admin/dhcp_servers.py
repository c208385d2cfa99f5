"""The DHCP servers beside the default one: which site each serves, who runs it, and how it
fares."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from dhcp import servers
from dhcp.files.targets import Target
from dhcp.models import DhcpServer
from ipam.admin import marks
from ipam.admin.base import LedgerForm, ListAdmin


@admin.register(DhcpServer)
class DhcpServerAdmin(ListAdmin):
    icon = "dns"
    form = LedgerForm
    list_display = ("name", "site", "run_by", "state", "reservations", "waiting", "tried", "seen")
    list_filter = (("enabled", BooleanRadioFilter), ("run_by", ChoicesDropdownFilter))
    nothing_yet = _(
        "There is the one of the settings. Another site's dnsmasq can get files of its own here."
    )
    search_fields = ("name", "site", "description")
    readonly_fields = (
        "state",
        "told_why",
        "reservations",
        "waiting",
        "tried",
        "directory",
        "seen",
        "agent",
    )
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled")}),
        (_("What it serves"), {"fields": ("site",)}),
        (_("Where it is"), {"fields": ("run_by", "reload", "dns", "leases")}),
    )
    fieldsets_of_a_saved_one = (
        (
            _("How it fares"),
            {"fields": ("state", "told_why", "reservations", "waiting", "tried", "directory")},
        ),
        (_("Its agent"), {"fields": ("seen", "agent")}),
    )

    class Media:
        css = {"all": ["dhcp/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[DhcpServer]:
        return super().get_queryset(request).with_state()

    def get_fieldsets(self, request: HttpRequest, obj: DhcpServer | None = None) -> Any:
        return (*self.fieldsets, *(self.fieldsets_of_a_saved_one if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: DhcpServer | None = None) -> Any:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    @admin.display(description=_("state"))
    def state(self, server: Any) -> SafeString:
        return server_badge(server)

    @admin.display(description=_("reason"))
    def told_why(self, server: Any) -> SafeString | str:
        return (
            (server.result == "failed" and server.reason)
            or servers.size_warning(server.hosts or 0)
            or marks.NOTHING
        )

    @admin.display(description=_("reservations"))
    def reservations(self, server: Any) -> SafeString | str:
        return marks.NOTHING if server.hosts is None else marks.count(server.hosts)

    @admin.display(description=_("pending changes"))
    def waiting(self, server: Any) -> str:
        return marks.count(server.pending)

    @admin.display(description=_("last tried"))
    def tried(self, server: Any) -> SafeString | str:
        return marks.ago(server.tried_at) if server.tried_at else marks.NOTHING

    @admin.display(description=_("last seen"), ordering="last_seen_at")
    def seen(self, server: DhcpServer) -> SafeString | str:
        return marks.ago(server.last_seen_at) if server.last_seen_at else marks.NOTHING

    @admin.display(description=_("host and version"))
    def agent(self, server: DhcpServer) -> SafeString | str:
        if not server.agent_host:
            command = f"manage.py dnsmasq_agent --server {server.name}"
            needed = server.run_by == DhcpServer.RunBy.AGENT
            return format_html("<code>{}</code>", command) if needed else marks.NOTHING
        return f"{server.agent_host}, IPManager {server.agent_version}"

    @admin.display(description=_("directory"))
    def directory(self, server: DhcpServer) -> str:
        if server.run_by == DhcpServer.RunBy.AGENT:
            return gettext("what IPMANAGER_DNSMASQ_DIR says on its host")
        return str(Target.of(server).directory)


def server_badge(server: Any) -> SafeString:
    """How a server fares in one word; it must come from `with_state()`."""
    if not server.enabled:
        return marks.badge("unknown", gettext("disabled"))
    if server.is_missed:
        return marks.badge("no", gettext("no sign of life"))
    if server.result == "failed":
        return marks.badge("no", gettext("failed"))
    if server.pending or server.result is None:
        return marks.badge("reserved", gettext("waiting"))
    return marks.badge("yes", gettext("in step"))
