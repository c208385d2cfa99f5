"""Health check of the agents' hosts: configuration installed, clocks together."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, error, health_check, warning
from dhcp.models import AgentReport, DhcpServer

CLOCK_TOLERANCE = 10.0  # seconds
_SHOWN = "admin:dhcp_dhcpserver_changelist"


@health_check(gettext_noop("agents' hosts"), "dhcp", BOUNDED)
def agents_hosts() -> Iterator[Finding]:
    """What agents say of themselves; one that is missed is told by the check of the agents."""
    rows = AgentReport.objects.filter(
        server__enabled=True, server__run_by=DhcpServer.RunBy.AGENT
    ).select_related("server")
    for row in rows.order_by("server__name"):
        if not row.server.is_missed:
            yield from _findings(row)


def _findings(row: AgentReport) -> Iterator[Finding]:
    facts = {"server": row.server.name, "host": row.server.agent_host}
    if row.conf_installed is False:
        msg = _("%(server)s: the configuration is not installed on %(host)s. %(detail)s")
        remedy = _("Install it there, as root (docs/dnsmasq.md).")
        yield warning(msg % {**facts, "detail": row.conf_detail}, remedy, view=_SHOWN)
    if is_off(row):
        msg = _("%(server)s: the clock of %(host)s is off by %(seconds)+.0f s.")
        remedy = _("Synchronise it by NTP: leases and logs have its times.")
        yield error(
            msg % {**facts, "seconds": row.clock_ahead},
            remedy,
            "timedatectl set-ntp true",
            view=_SHOWN,
        )


def is_off(row: AgentReport) -> bool:
    return row.clock_ahead is not None and abs(row.clock_ahead) > CLOCK_TOLERANCE
