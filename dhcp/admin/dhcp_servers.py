"""The DHCP servers other than the default one: their sites, who runs them, and their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from core.commands import manage_command
from dhcp import servers
from dhcp.daemon.heartbeat import HeartbeatState, State, state_of
from dhcp.files.targets import Target
from dhcp.host.findings import HostFinding
from dhcp.models import DhcpProblem, DhcpServer, Lease
from dhcp.remote.health_checks import is_off
from dhcp.state import host
from ipam.admin import marks
from ipam.admin.base import LedgerForm, ListAdmin

_MOST_PROBLEMS = 20  # of a log, on the page of its server


@admin.register(DhcpServer)
class DhcpServerAdmin(ListAdmin):
    form = LedgerForm
    list_display = (
        "name",
        "site",
        "run_by",
        "state",
        "dnsmasq",
        "reservations",
        "waiting",
        "tried",
        "seen",
        "its_host",
    )
    list_filter = (("enabled", BooleanRadioFilter), ("run_by", ChoicesDropdownFilter))
    nothing_yet = _(
        "The default DHCP server is in the settings. Add one here for the dnsmasq of another site."
    )
    search_fields = ("name", "site", "description")
    readonly_fields = (
        "state",
        "reason",
        "dnsmasq",
        "reservations",
        "waiting",
        "tried",
        "directory",
        "seen",
        "agent",
        "its_host",
        "its_leases",
        "its_findings",
    )
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled")}),
        (_("What it serves"), {"fields": ("site",)}),
        (_("Where it is"), {"fields": ("run_by", "reload", "dns", "leases", "log")}),
    )
    fieldsets_of_a_saved_one = (
        (
            _("State"),
            {
                "fields": (
                    "state",
                    "reason",
                    "dnsmasq",
                    "reservations",
                    "waiting",
                    "tried",
                    "directory",
                )
            },
        ),
        (
            _("Its site"),
            {"fields": ("seen", "agent", "its_host", "its_leases", "its_findings")},
        ),
    )

    class Media:
        css = {"all": ["dhcp/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[DhcpServer]:
        rows = super().get_queryset(request).with_state().with_heartbeats()
        return rows.select_related("report")

    def get_fieldsets(self, request: HttpRequest, obj: DhcpServer | None = None) -> Any:
        if obj is None:
            return self.fieldsets
        return (*self.fieldsets, *self.fieldsets_of_a_saved_one)

    def get_readonly_fields(self, request: HttpRequest, obj: DhcpServer | None = None) -> Any:
        if obj is None:
            return self.readonly_fields
        return ("name", *self.readonly_fields)

    @admin.display(description=_("state"))
    def state(self, server: Any) -> SafeString:
        return server_badge(server)

    @admin.display(description=_("reason"))
    def reason(self, server: Any) -> SafeString | str:
        if server.result == "failed":
            return server.reason
        return servers.size_warning(server.hosts or 0) or marks.NOTHING

    @admin.display(description=_("dnsmasq"))
    def dnsmasq(self, server: DhcpServer) -> SafeString:
        return heartbeat_line(state_of(server))

    @admin.display(description=_("reservations"))
    def reservations(self, server: Any) -> SafeString | str:
        return _or_dash(server.hosts, marks.count)

    @admin.display(description=_("pending changes"))
    def waiting(self, server: Any) -> str:
        return marks.count(server.pending)

    @admin.display(description=_("last tried"))
    def tried(self, server: Any) -> SafeString | str:
        return _or_dash(server.tried_at, marks.ago)

    @admin.display(description=_("last seen"), ordering="last_seen_at")
    def seen(self, server: DhcpServer) -> SafeString | str:
        return _or_dash(server.last_seen_at, marks.ago)

    @admin.display(description=_("host and version"))
    def agent(self, server: DhcpServer) -> SafeString | str:
        """The agent's host, or the command that starts one."""
        if server.agent_host:
            return f"{server.agent_host}, IPManager {server.agent_version}"
        if server.run_by != DhcpServer.RunBy.AGENT:
            return marks.NOTHING
        return format_html(
            "<code>{}</code>", manage_command(f"dnsmasq_agent --server {server.name}")
        )

    @admin.display(description=_("agent's host"))
    def its_host(self, server: DhcpServer) -> SafeString | str:
        """Whether the configuration is installed there, and whether its clock is right."""
        row = getattr(server, "report", None)
        if row is None or server.run_by != DhcpServer.RunBy.AGENT:
            return marks.NOTHING
        badges = []
        if row.conf_installed is False:
            badges.append(marks.badge("no", gettext("configuration not installed")))
        if is_off(row):
            badges.append(marks.badge("no", gettext("clock off by %+.0f s") % row.clock_ahead))
        if not badges:
            badges.append(marks.badge("yes", gettext("configuration and clock are right")))
        return format_html_join(" ", "{}", zip(badges, strict=True))

    @admin.display(description=_("live leases"))
    def its_leases(self, server: DhcpServer) -> str:
        return marks.count(Lease.objects.live().filter(origin=server.name).count())

    @admin.display(description=_("found there"))
    def its_findings(self, server: DhcpServer) -> SafeString | str:
        """What its agent or worker has found on dnsmasq's host and in its log."""
        problems = DhcpProblem.objects.filter(server=server)
        texts = [host.describe(one).msg for one in _host_findings(server)]
        texts += map(str, problems[:_MOST_PROBLEMS])
        if not texts:
            return marks.NOTHING
        return format_html_join("", "<div>{}</div>", zip(texts, strict=True))

    @admin.display(description=_("directory"))
    def directory(self, server: DhcpServer) -> str:
        if server.run_by == DhcpServer.RunBy.AGENT:
            return gettext("IPMANAGER_DNSMASQ_DIR of its host")
        return str(Target.of(server).directory)


def _host_findings(server: DhcpServer) -> Iterator[HostFinding]:
    for row in host.reports():
        if row.server_id == server.pk:
            yield from host.findings_of(row)


def _or_dash(value: Any, form: Callable[[Any], SafeString | str]) -> SafeString | str:
    if value is None:
        return marks.NOTHING
    return form(value)


_HEARTBEAT_COLOURS = {State.UP: "yes", State.UNKNOWN: "unknown"}


def heartbeat_badge(seen: HeartbeatState) -> SafeString:
    """How a dnsmasq was last seen, in a word."""
    return marks.badge(_HEARTBEAT_COLOURS.get(State(seen.state), "no"), seen.label)


def heartbeat_line(seen: HeartbeatState) -> SafeString:
    """The same with its detail, and since when."""
    since = _or_dash(seen.since, marks.ago)
    return format_html("{} {} {}", heartbeat_badge(seen), since, seen.detail)


def server_badge(server: Any) -> SafeString:
    """The state of a server of `with_state().with_heartbeats()` in a word or two."""
    if not server.enabled:
        return marks.badge("unknown", gettext("disabled"))
    if server.is_missed:
        return marks.badge("no", gettext("agent missing"))
    if server.result == "failed":
        return marks.badge("no", gettext("failed"))
    seen = state_of(server)
    if seen.is_down:
        return heartbeat_badge(seen)
    if server.pending or server.result is None:
        return marks.badge("reserved", gettext("pending"))
    return marks.badge("yes", gettext("in step"))
