"""All that the page shows: the sentence on top, the buttons, the line of its life and the cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from changes.log.rights import Reader
from dhcp.admin.leases import KIND_COLOURS
from dhcp.state.machines import MachineState
from ipam.admin import marks
from ipam.models import IPAddress, Server
from ipmanager.machine import cards, life
from ipmanager.machine.access import Sees
from ipmanager.machine.subject import Subject
from ipmanager.networks.links import page, with_query
from pxe.models import BootAssignment

ON_THE_PAGE = 8  # events of the boot timeline


@dataclass(frozen=True)
class Action:
    label: Any
    url: str
    kind: str = "net-button"


class MachinePage:
    """A machine as one reader sees it. The number of queries does not depend on the ledger."""

    def __init__(self, request: HttpRequest, subject: Subject) -> None:
        self.request, self.subject, self.sees = request, subject, Sees.of(request)
        self.log = cards.log(subject, self.sees)
        self.boot = cards.boot(subject, self.sees)
        self.sightings = cards.sightings(subject, self.sees)

    # --- on top -----------------------------------------------------------------------------------

    @property
    def badge(self) -> SafeString:
        state = self.subject.state
        return marks.badge(KIND_COLOURS[state.kind], state.label)

    @property
    def state(self) -> MachineState:
        return self.subject.state

    @property
    def sentence(self) -> str:
        """What it holds, whether the network does what the ledger says, and what it boots."""
        parts = [self._holds(), self.state.reason, self._boots()]
        return " ".join(filter(None, parts))

    def _holds(self) -> str:
        subject = self.subject
        if subject.ip is None:
            return _("%s holds no address.") % subject.name
        facts = {"name": subject.name, "address": subject.ip, "network": self._place()}
        if facts["network"]:
            return _("%(name)s holds %(address)s in %(network)s.") % facts
        return _("%(name)s holds %(address)s.") % facts

    def _place(self) -> str:
        own = self.subject.rows.get(self.subject.ip) if self.subject.ip else None
        if own is None or own.subnet is None or not self.sees.subnets:
            return ""
        return own.subnet.name or str(own.subnet.network)

    def _boots(self) -> str:
        for one in self.boot.assignments[:1]:
            image = one.image.name if one.image else _("its local disk")
            if one.mode == BootAssignment.Mode.ONCE:
                return _("Next it boots %s, once.") % image
            return _("It always boots %s.") % image
        return ""

    # --- what one can do --------------------------------------------------------------------------

    def actions(self) -> Iterator[Action]:
        """Links to pages that show what they will do."""
        user: Any = self.request.user
        server = self.subject.server
        if server and user.has_perm("pxe.add_bootassignment"):
            url = page("pxe_bootassignment_add", server=server.pk, mode="once")
            yield Action(_("Boot once"), url, "net-main")
        if server and user.has_perms(("ipam.change_server", "ipam.view_subnet")):
            yield from self._changes(server)
        asked = next(iter([*self.subject.macs, *self.subject.ips]), None)
        if asked and self.subject.vrf is None and user.has_perm("dhcp.view_lease"):
            yield Action(_("Why?"), page("dhcp_why", q=asked))
        if not server and user.has_perm("ipam.change_ipaddress"):
            yield from self._release()

    def _changes(self, server: Server) -> Iterator[Action]:
        yield Action(_("Move"), page("server_move", server.pk))
        if server.ip_address and self.request.user.has_perm("ipam.view_ipaddress"):
            yield Action(_("Quarantine"), page("server_quarantine", server.pk))
            yield Action(_("Release"), page("server_release", server.pk))

    def _release(self) -> Iterator[Action]:
        """Of a VM: on the page of ranges."""
        row = self.subject.row
        if isinstance(row, IPAddress) and row.subnet_id:
            ends = {"first": row.ip_address, "last": row.ip_address}
            url = page("network_range", row.subnet_id, verb="release", **ends)
            yield Action(_("Release"), url)

    def tabs(self) -> list[dict[str, Any]]:
        return tabs(self.request, self.subject.row, "page")

    # --- below ------------------------------------------------------------------------------------

    @cached_property
    def life(self) -> list[life.Moment]:
        return life.moments(self.subject, self.sees, self.log, self.boot.events)

    def addresses(self) -> list[cards.AddressLine]:
        return cards.addresses(self.subject, self.sees)

    def conflicts(self) -> list[Any]:
        return cards.conflicts(self.subject, self.sees)

    def services(self) -> list[Any]:
        return cards.services(self.subject, self.sees)

    def leases(self) -> list[Any]:
        return cards.leases(self.sightings)

    def names(self) -> list[tuple[str, str]]:
        return cards.names(self.subject, self.sees)

    @property
    def events(self) -> list[Any]:
        return self.boot.events[:ON_THE_PAGE]

    def facts(self) -> Iterator[tuple[Any, Any]]:
        """What one looks up most, without what is empty."""
        row: Any = self.subject.row
        columns = ("device_type", "manufacturer", "location", "lan_port", "platform", "description")
        for name in columns:
            value = getattr(row, name, "")
            if value:
                yield row._meta.get_field(name).verbose_name, value
        if self.subject.vrf and self.sees.vrfs:
            yield _("VRF"), self.subject.vrf

    @property
    def log_url(self) -> str:
        """All that was changed about it, for those who may read the log."""
        if not Reader.of(self.request).tables():
            return ""
        return with_query(reverse("changes:log"), about=self.subject.ip or self.subject.name)


def tabs(request: HttpRequest, row: Server | IPAddress, chosen: str) -> list[dict[str, Any]]:
    """The pages of a machine: to read it, its form, and its history."""
    view = "ipam_server_page" if isinstance(row, Server) else "vm_page"
    user: Any = request.user
    may_change = user.has_perm(f"ipam.change_{row._meta.model_name}")
    found = (
        ("page", _("Overview"), page(view, row.pk)),
        ("change", _("Edit") if may_change else _("All fields"), marks.change_url(row)),
        ("history", _("History"), marks.page_url(row._meta, "history", row.pk)),
    )
    return [{"label": label, "url": url, "is_chosen": name == chosen} for name, label, url in found]
