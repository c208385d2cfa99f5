"""The admin's first page: how full, what waits, who changed what. The queries do not grow with the
ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dhcp import servers
from dhcp.admin.dhcp_servers import server_badge
from dhcp.files import installed
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpServer, Generation, HandEdit
from ipam import freeze
from ipam.admin import marks
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from ipam.usage import fullest

FULLEST, RECENT, NAMED = 8, 12, 6
READ = 100  # so many of the newest lines of addresses are looked at


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the template templates/admin/index.html shows to this reader."""
    context["title"] = _("Overview")
    if request.user.has_perm("ipam.view_ipaddress"):
        context["ledger"] = _ledger()
        context["frozen"] = freeze.state()
    if request.user.has_perm("dhcp.view_generation"):
        context["dhcp"] = _dhcp()
    return context


# --- the ledger -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A number to click on."""

    label: Any
    number: int
    url: str
    kind: str = ""


def _ledger() -> dict[str, Any]:
    tally = IPAddress.objects.tally()
    unplaced = list(
        IPAddress.objects.unplaced().select_related("server").order_by("ip_address")[: NAMED + 1]
    )
    subnets = Subnet.objects.count()
    return {
        "is_empty": not subnets,
        "figures": [
            Figure(_("Subnets"), subnets, reverse("admin:ipam_subnet_changelist")),
            Figure(_("Servers"), Server.objects.count(), reverse("admin:ipam_server_changelist")),
            *(
                Figure(
                    label,
                    tally.get(status, 0),
                    marks.address_list_url(status__exact=status),
                    status,
                )
                for status, label in IPAddress.Status.choices
            ),
        ],
        "fullest": [
            {
                "subnet": marks.link(subnet),
                "bar": marks.bar(used),
                "next_url": marks.next_free_url(subnet.pk),
                "free": marks.count(used.available) if used.static else marks.NOTHING,
            }
            for subnet, used in fullest(FULLEST)
        ],
        "unplaced": [
            {"address": marks.link(row), "holder": row.holder} for row in unplaced[:NAMED]
        ],
        "more_unplaced": len(unplaced) > NAMED,
        "unplaced_url": marks.address_list_url(place="unplaced"),
        "recent": nlargest(RECENT, _recent(), key=lambda change: change.at),
    }


# --- history --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One line of history."""

    at: datetime
    who: str
    done: Any
    kind: Any
    name: str
    url: str

    @property
    def ago(self) -> str:
        return marks.ago(self.at)


DONE = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
# Each model: what its rows are called, and on whose page their history stands.
TOLD: list[tuple[Any, Callable[[Any], str], str, str]] = [
    (VRF, lambda row: row.name, "vrf", "id"),
    (Subnet, lambda row: f"{row.network} {row.name}".strip(), "subnet", "id"),
    (Pool, lambda row: f"{row.first}-{row.last}", "subnet", "subnet_id"),
    (Server, lambda row: row.hostname, "server", "id"),
    (Interface, lambda row: row.name, "server", "server_id"),
    (IPAddress, lambda row: str(row.ip_address), "ipaddress", "id"),
]


def _newest(model: Any) -> list[Any]:
    rows = model.history.order_by("-history_date", "-history_id").select_related("history_user")
    if model is not IPAddress:
        return list(rows[:RECENT])
    # What follows from a server, or from its going, is told by the server.
    return [row for row in rows[:READ] if row.server_id is None and row.status != "available"]


def _recent() -> Iterator[Change]:
    for model, name, page, key in TOLD:
        for row in _newest(model):
            yield Change(
                at=row.history_date,
                who=str(row.history_user or ""),
                done=marks.status(row) if model is IPAddress else DONE[row.history_type],
                kind=model._meta.verbose_name,
                name=name(row),
                url=reverse(f"admin:ipam_{page}_history", args=[getattr(row, key)]),
            )


# --- DHCP -----------------------------------------------------------------------------------------


def _dhcp() -> dict[str, Any]:
    last = Generation.objects.newest()
    return {
        "waiting": DhcpChange.objects.for_server(None).count(),
        "too_many": servers.size_warning(last.hosts) if last else "",
        "servers": [_of_server(server) for server in DhcpServer.objects.with_state()],
        "conf_warning": installed.look(Target.from_settings()).warning,
        "sync_url": reverse("admin:dhcp_sync"),
        "last": last,
        "ago": marks.ago(last.updated_at) if last else "",
        "url": reverse("admin:dhcp_generation_changelist"),
        "hand_edits": HandEdit.objects.undecided().count(),
        "hand_edits_url": reverse("admin:dhcp_handedit_changelist"),
    }


def _of_server(server: Any) -> dict[str, Any]:
    """A further DHCP server in one line."""
    return {
        "link": marks.link(server),
        "badge": server_badge(server),
        "pending": server.pending,
        "too_many": servers.size_warning(server.hosts or 0),
        "ago": marks.ago(server.tried_at) if server.tried_at else "",
    }
