"""What dnsmasq's log tells that somebody has to act on, and whether the log is read at all. Two
queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, health_check, note, warning
from dhcp.files.targets import Target
from dhcp.log.problems import grouped
from dhcp.models import DhcpLog, DhcpProblem, DhcpServer

SHOWN = 3  # machines or addresses that a finding names
SILENT = timedelta(minutes=2)  # a log that is read is looked at every two seconds
RECENT = timedelta(days=1)
VIEW = "admin:dhcp_dhcptransaction_changelist"
Kind = DhcpProblem.Kind


@health_check(gettext_noop("dnsmasq's log"), "dhcp", BOUNDED)
def problems() -> Iterator[Finding]:
    """dnsmasq complains of nothing that somebody has to act on."""
    rows = DhcpProblem.objects.current().select_related("server")
    for (kind, _server), found in sorted(grouped(rows).items(), key=str):
        text, hint = _TEXTS[Kind(kind)]()
        prefix = f"{found[0].server.name}: " if found[0].server else ""
        yield warning(prefix + text % _facts(found), hint, view=VIEW)


@health_check(gettext_noop("reading dnsmasq's log"), "dhcp", BOUNDED)
def reading() -> Iterator[Finding]:
    """The log can be read, and is."""
    now = timezone.now()
    rows = list(DhcpLog.objects.filter(_is_used()).select_related("server"))
    for row in rows:
        facts = {"log": row.log, "why": row.problem or row.lost}
        if row.problem:
            hint = _("Let IPManager's user read it, or correct its path. See docs/dnsmasq.md.")
            yield warning(_("The log %(log)s cannot be read: %(why)s.") % facts, hint)
        elif row.read_at < now - SILENT:
            hint = _("Check that the worker, or the agent of that host, runs.")
            yield warning(_("The log %(log)s is not read any more.") % facts, hint)
        if row.lost_at and row.lost_at > now - RECENT:
            hint = _("Keep the last rotated file uncompressed (delaycompress).")
            yield note(_("Lines of the log %(log)s were lost: %(why)s.") % facts, hint)
    target = Target.from_settings()
    if not target.log and target.reload != "none":
        yield note(
            _("dnsmasq's log is not read: what DHCP refuses, and why, is not known."),
            _("Set IPMANAGER_DNSMASQ_LOG. See docs/dnsmasq.md."),
        )


def _is_used() -> Q:
    """Logs that are still configured here, and those of agents. What only stopped, as a node that
    was removed, is told of for a day."""
    is_here = Q(server=None, log=Target.from_settings().log)
    is_here |= Q(server__run_by=DhcpServer.RunBy.LOCAL, log=F("server__log"))
    is_of_agent = Q(server__run_by=DhcpServer.RunBy.AGENT)
    lately = Q(read_at__gt=timezone.now() - RECENT) | ~Q(problem="")
    return lately & (is_here | is_of_agent) & (Q(server=None) | Q(server__enabled=True))


def _facts(rows: Sequence[DhcpProblem]) -> dict[str, Any]:
    return {
        "number": len(rows),
        "machines": _some(map(attrgetter("mac_address"), rows)),
        "addresses": _some(map(attrgetter("ip_address"), rows)),
        "places": _some(map(attrgetter("interface"), rows)),
        "details": _some(f"{row.ip_address}: {row.detail}" for row in rows),
    }


def _some(values: Iterable[Any]) -> str:
    """The first different ones."""
    found = list(map(str, filter(None, dict.fromkeys(values))))
    text = ", ".join(found[:SHOWN])
    if len(found) > SHOWN:
        text += ", …"
    return text


def _decline() -> tuple[str, str]:
    return (
        _("Machines have declined addresses because somebody else uses them: %(addresses)s."),
        _(
            "Find the other machine (ping, ip neighbour), and give it an address of its own, or "
            "reserve another address. dnsmasq blocks a declined address for 10 minutes."
        ),
    )


def _not_used() -> tuple[str, str]:
    return (
        _("dnsmasq does not give out reserved addresses: %(details)s."),
        _(
            "End the other machine's lease, or reserve another address: dnsmasq never gives out "
            "an address of its own or one that is in use."
        ),
    )


def _full() -> tuple[str, str]:
    return (
        _("%(number)d machines got no address, because none is free at %(places)s: %(machines)s."),
        _("Widen the DHCP pool, shorten the lease time, or reserve addresses for them."),
    )


def _no_range() -> tuple[str, str]:
    return (
        _("Machines ask at %(places)s, and dnsmasq has no range for them."),
        _(
            "Create a DHCP scope for the subnet of that interface or relay, and have root install "
            "the proposed configuration."
        ),
    )


def _foreign() -> tuple[str, str]:
    return (
        _(
            "Another DHCP server answers at %(places)s: %(number)d machines took its offer: "
            "%(machines)s."
        ),
        _("Find it (nmap --script broadcast-dhcp-discover), and switch off its DHCP."),
    )


def _duplicate() -> tuple[str, str]:
    return (
        _("dnsmasq has read more than one reservation for an address: %(details)s."),
        _("Remove one of the lines; look for hand edits and for further dhcp-host lines."),
    )


_TEXTS = {
    Kind.DECLINE: _decline,
    Kind.NOT_USED: _not_used,
    Kind.FULL: _full,
    Kind.NO_RANGE: _no_range,
    Kind.FOREIGN: _foreign,
    Kind.DUPLICATE: _duplicate,
}
