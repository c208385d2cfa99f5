"""The admin's first page: what needs attention, how full the subnets are, what has changed. The
number of queries does not grow with the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from changes.pages.recent import recent
from core.commands import manage_command
from core.findings import BOUNDED
from dhcp.admin.dhcp_servers import heartbeat_line, server_badge
from dhcp.daemon import heartbeat
from dhcp.daemon.heartbeat import HeartbeatState
from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpServer, Generation
from ipam.admin import marks
from ipam.models import IPAddress, Server, Subnet
from ipam.usage import Usage, fullest
from ipmanager.admin import finding_line
from ipmanager.networks.whole.strips import strips
from ipmanager.shell.health_dot import FINDING_READERS, VIEW_HEALTH
from ops import doctor

FULLEST, RECENT, UNPLACED = 8, 12, 6  # lines of each list
STRIPS, BLOCKS = 12, 40  # networks, and blocks of each


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of templates/admin/index.html for this user."""
    context["title"] = _("Overview")
    context["findings"] = _findings(request.user)
    if request.user.has_perm("ipam.view_ipaddress"):
        context["ledger"] = _ledger(request.user)
    context["needs"] = _needs(request.user, context)
    if _may_view(request.user, Subnet):
        context["strips"], context["more"] = strips(request, STRIPS, BLOCKS)
    if request.user.has_perm("dhcp.view_generation"):
        context["dhcp"] = _dhcp()
    context["recent"] = recent(request, RECENT)
    return context


def _findings(user: Any) -> list[dict[str, Any]]:
    """The warnings and errors that this user may see, of the checks that are cheap to run."""
    lines = []
    for result in doctor.run_checks(BOUNDED):
        permission = FINDING_READERS.get(result.check.subject, VIEW_HEALTH)
        if result.status and user.has_perm(permission):
            lines.append(finding_line(result))
    return lines


# --- what needs somebody --------------------------------------------------------------------------


@dataclass(frozen=True)
class Need:
    """One sentence, one line of evidence, one button."""

    level: str
    text: Any
    detail: Any
    url: str
    button: Any
    commands: Sequence[str] = ()


# What the button of a finding says, by the page that it leads to.
BUTTONS = {
    "admin:discovery_conflict_changelist": _("Resolve"),
    "admin:dhcp_handedit_changelist": _("Decide"),
    "admin:discovery_rogueserver_changelist": _("Find it"),
}
LEVELS = ("error", "warning")


def _needs(user: Any, context: dict[str, Any]) -> list[Need]:
    """The findings and the subnets that are nearly full, the worst first."""
    found = list(map(_of_finding, context["findings"]))
    for line in context.get("ledger", {}).get("fullest", ()):
        found += _of_subnet(user, line)
    return sorted(found, key=lambda need: LEVELS.index(need.level))


def _of_finding(line: dict[str, Any]) -> Need:
    result = line["found"]
    return Need(
        result.level,
        result.text or capfirst(line["name"]),
        f"{capfirst(line['name'])} · {result.remedy}".strip(" ·"),
        line["url"] or reverse("admin:ipmanager_pulse_changelist"),
        BUTTONS.get(result.view, _("Show")),
        result.commands,
    )


def _of_subnet(user: Any, line: dict[str, Any]) -> Iterator[Need]:
    """A need for each kind of address of which next to nothing is left."""
    row, usage = line["row"], line["usage"]
    button = _("Add a pool") if user.has_perm("ipam.add_pool") else _("Show")
    for kind, share in ((_("static"), usage.static), (_("DHCP"), usage.dhcp)):
        if share.percent > marks.FULL:
            numbers = {
                "subnet": row.name or row.network,
                "kind": kind,
                "free": marks.count(share.free),
                "total": marks.count(share.total),
            }
            text = _("%(subnet)s is nearly full: %(free)s of %(total)s %(kind)s addresses are left")
            level = "warning" if share.free else "error"
            yield Need(level, text % numbers, row.network, _network_url(row), button)


# --- the ledger -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A number that links to the list which it counts."""

    label: Any
    number: int
    url: str
    kind: str = ""


def _may_view(user: Any, model: Any) -> bool:
    return user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def _ledger(user: Any) -> dict[str, Any]:
    """Of each model only if the user may view it."""
    unplaced = IPAddress.objects.unplaced().select_related("server").order_by("ip_address")
    lost = list(unplaced[: UNPLACED + 1])
    return {
        "is_empty": not Subnet.objects.exists(),
        "figures": _figures(user),
        "fullest": _fullest(user),
        "unplaced": [_unplaced_line(user, row) for row in lost[:UNPLACED]],
        "more_unplaced": len(lost) > UNPLACED,
        "unplaced_url": marks.address_list_url(place="unplaced"),
        "import_commands": [
            manage_command("import_csv subnets FILE"),
            manage_command("import_csv servers FILE"),
        ],
    }


def _figures(user: Any) -> list[Figure]:
    figures = []
    for model, label in ((Subnet, _("Subnets")), (Server, _("Servers"))):
        if _may_view(user, model):
            url = reverse(f"admin:ipam_{model._meta.model_name}_changelist")
            figures.append(Figure(label, model.objects.count(), url))
    tally = IPAddress.objects.tally()
    for status, label in IPAddress.Status.choices:
        url = marks.address_list_url(status__exact=status)
        figures.append(Figure(label, tally.get(status, 0), url, status))
    return figures


def _unplaced_line(user: Any, row: IPAddress) -> dict[str, Any]:
    holder = row.holder
    if row.server and not _may_view(user, Server):
        holder = ""
    return {"address": marks.link(row), "holder": holder}


def _fullest(user: Any) -> list[dict[str, Any]]:
    if not _may_view(user, Subnet):
        return []
    return [_usage_line(subnet, usage) for subnet, usage in fullest(FULLEST)]


def _usage_line(subnet: Subnet, usage: Usage) -> dict[str, Any]:
    return {
        "row": subnet,
        "usage": usage,
        "subnet": _network_link(subnet),
        "static": marks.static_bar(usage.static),
        "dhcp": marks.dhcp_bar(usage.dhcp),
        "next_url": marks.next_free_url(subnet.pk),
        "free": marks.count(usage.static.free),
    }


def _network_link(subnet: Subnet) -> SafeString:
    """A link to the page with the map."""
    return format_html('<a class="ipm-link" href="{}">{}</a>', _network_url(subnet), subnet)


def _network_url(subnet: Subnet) -> str:
    return reverse("admin:network", args=[subnet.pk])


# --- DHCP -----------------------------------------------------------------------------------------


def _dhcp() -> dict[str, Any]:
    newest, seen = Generation.objects.newest(), heartbeat.states()[None]
    return {
        "is_down": seen.is_down,
        "dnsmasq": heartbeat_line(seen),
        "held": read_file(Target.from_settings().held).decode("ascii", "replace"),
        "is_connected": Target.from_settings().is_connected,
        "is_confirmed": _is_confirmed(seen),
        "waiting": DhcpChange.objects.for_server(None).count(),
        "servers": [
            _server_line(server) for server in DhcpServer.objects.with_state().with_heartbeats()
        ],
        "last": newest,
        "ago": _ago(newest.updated_at if newest else None),
        "url": reverse("admin:dhcp_generation_changelist"),
    }


def _is_confirmed(seen: HeartbeatState) -> bool:
    """Whether dnsmasq has confirmed the files that were written last."""
    applied = Generation.objects.newest_of_each(Generation.Result.APPLIED)
    return seen.has_confirmed(Target.from_settings(), applied.get(None))


def _server_line(server: Any) -> dict[str, Any]:
    return {
        "link": marks.link(server),
        "badge": server_badge(server),
        "pending": server.pending,
        "ago": _ago(server.tried_at),
    }


def _ago(moment: datetime | None) -> str:
    return marks.ago(moment) if moment else ""
