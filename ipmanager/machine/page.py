"""All that the page shows: the sentence on top, the buttons, the line of its life and the cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.log.rights import Reader
from dhcp.state.machines import MachineState
from ipam.admin import marks
from ipam.models import IPAddress, Server
from ipmanager.machine import cards, life
from ipmanager.machine.access import Sees
from ipmanager.machine.subject import Subject
from ipmanager.networks.links import page, with_query
from pxe.events import boot_state
from pxe.events.timeline import Diagnosis
from pxe.models import BootAssignment

ON_THE_PAGE = 8  # events of the boot timeline
FACTS = ("device_type", "manufacturer", "location", "lan_port", "platform", "description")


@dataclass(frozen=True)
class Action:
    """A link to a page that shows what it will do: for those with the permissions, where the
    machine has what it needs (`url` is empty where not)."""

    label: Any
    permissions: tuple[str, ...]
    url: Callable[[Subject], str]
    kind: str = "net-button"


def _boot_once(subject: Subject) -> str:
    if not subject.server:
        return ""
    return page("pxe_bootassignment_add", server=subject.server_id, mode="once")


def _change(view: str, needed: str, subject: Subject) -> str:
    """A page of `change`, for a server that has this."""
    if not getattr(subject.server, needed, None):
        return ""
    return page(view, subject.server_id)


def _why(subject: Subject) -> str:
    asked = [*subject.macs, *subject.global_ips]
    return page("dhcp_why", q=asked[0]) if asked and not subject.vrf else ""


def _release(subject: Subject) -> str:
    """Of a VM: on the page of ranges."""
    row: Any = subject.row
    if subject.server or not row.subnet_id:
        return ""
    return page("network_range", row.subnet_id, verb="release", first=subject.ip, last=subject.ip)


_CHANGES = ("ipam.change_server", "ipam.view_subnet", "ipam.view_ipaddress")
ACTIONS: tuple[Action, ...] = (
    Action(gettext_lazy("Boot once"), ("pxe.add_bootassignment",), _boot_once, "net-main"),
    Action(gettext_lazy("Move"), _CHANGES, partial(_change, "server_move", "pk")),
    Action(
        gettext_lazy("Quarantine"), _CHANGES, partial(_change, "server_quarantine", "ip_address")
    ),
    Action(gettext_lazy("Release"), _CHANGES, partial(_change, "server_release", "ip_address")),
    Action(gettext_lazy("Why?"), ("dhcp.view_lease",), _why),
    Action(gettext_lazy("Release"), ("ipam.change_ipaddress",), _release),
)


class MachinePage:
    """A machine as one reader sees it. The number of queries does not depend on the ledger."""

    def __init__(self, request: HttpRequest, subject: Subject) -> None:
        self.request, self.subject = request, subject
        self.sees, self.reader = Sees.of(request), Reader.of(request)
        self.log = cards.log(subject, self.reader)
        self.assignments = cards.assignments(subject, self.reader)
        self.boot_events = cards.boot_events(subject, self.reader)
        self.sightings = cards.sightings(subject, self.reader)

    # --- on top -----------------------------------------------------------------------------------

    @property
    def badge(self) -> SafeString:
        return cards.badge(self.state)

    @property
    def state(self) -> MachineState:
        return self.subject.state

    @property
    def sentence(self) -> str:
        """What it holds, whether the network does what the ledger says, and what it boots."""
        return " ".join([self._holds(), self.state.reason, *map(_boots, self.assignments[:1])])

    def _holds(self) -> str:
        subject = self.subject
        subnet = subject.subnet if self.sees.subnets else None
        facts = {"name": subject.name, "address": subject.ip}
        if subject.ip is None:
            return _("%(name)s holds no address.") % facts
        if subnet is None:
            return _("%(name)s holds %(address)s.") % facts
        facts["network"] = subnet.name or subnet.network
        return _("%(name)s holds %(address)s in %(network)s.") % facts

    # --- what one can do --------------------------------------------------------------------------

    def actions(self) -> Iterator[dict[str, Any]]:
        """The buttons: links to pages that show what they will do."""
        user: Any = self.request.user
        for action in ACTIONS:
            url = action.url(self.subject)
            if url and user.has_perms(action.permissions):
                yield {"label": str(action.label), "url": url, "kind": action.kind}

    def tabs(self) -> list[dict[str, Any]]:
        return tabs(self.request, self.subject.row, "page")

    # --- below ------------------------------------------------------------------------------------

    @cached_property
    def life(self) -> list[life.Moment]:
        log = self.log if self.sees.transactions else None
        return life.moments(self.subject, log, self.boot_events)

    def addresses(self) -> list[cards.AddressLine]:
        return cards.addresses(self.subject)

    def conflicts(self) -> list[Any]:
        return cards.conflicts(self.subject, self.reader)

    def services(self) -> list[Any]:
        return cards.services(self.subject, self.reader)

    def names(self) -> list[tuple[str, str]]:
        return cards.names(self.subject, self.reader)

    @property
    def events(self) -> list[Any]:
        return self.boot_events[:ON_THE_PAGE]

    @property
    def diagnosis(self) -> Diagnosis:
        """How its last network boot went."""
        return boot_state.diagnosis(self.boot_events, timezone.now())

    def facts(self) -> Iterator[tuple[Any, Any]]:
        """What one looks up most; empty values are left out by the template."""
        row: Any = self.subject.row
        for name in FACTS:
            if hasattr(row, name):
                yield row._meta.get_field(name).verbose_name, getattr(row, name)

    @property
    def log_url(self) -> str:
        """All that was changed about it."""
        return with_query(reverse("changes:log"), about=self.subject.ip or self.subject.name)


def _boots(assignment: BootAssignment) -> str:
    image = getattr(assignment.image, "name", _("its local disk"))
    if assignment.mode == BootAssignment.Mode.ONCE:
        return _("Next it boots %s, once.") % image
    return _("It always boots %s.") % image


def tabs(request: HttpRequest, row: Server | IPAddress, chosen: str) -> list[dict[str, Any]]:
    """The pages of a machine: to read it, its form, and its history."""
    view = {Server: "ipam_server_page", IPAddress: "vm_page"}[type(row)]
    user: Any = request.user
    may_change = user.has_perm(f"ipam.change_{row._meta.model_name}")
    found = (
        ("page", _("Overview"), page(view, row.pk)),
        ("change", _("Edit") if may_change else _("All fields"), marks.change_url(row)),
        ("history", _("History"), marks.page_url(row._meta, "history", row.pk)),
    )
    return [{"label": label, "url": url, "is_chosen": name == chosen} for name, label, url in found]
