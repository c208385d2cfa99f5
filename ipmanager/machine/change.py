"""Move a server, release its address, or put it in quarantine: what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.plans.verb import Plan, Work
from core.errors import Invalid
from ipam.addresses import Address, parse_address, parse_network
from ipam.admin.base import REFUSALS, sentences
from ipam.allocate import hold_next
from ipam.maps import range_plan
from ipam.models import Server, Subnet
from ipmanager.machine.access import Sees
from ipmanager.machine.page import tabs
from ipmanager.machine.subject import Subject
from ipmanager.networks.links import page
from ipmanager.networks.page import each
from ipmanager.plans.page import PlanPage

CHOICES = 300  # networks that are offered while one types


@dataclass(frozen=True)
class Moved:
    """The address that a server had, and the one that it has."""

    former: Address | None
    new: Address | None


@dataclass(frozen=True)
class Verb:
    """What can be done: its name, the work, what is said afterwards, whether one says where, and
    what it needs besides the right to change the server."""

    title: Any
    work: Callable[[Server, str], Address | None]
    done: Any
    asks_where: bool = False
    needed: Sequence[str] = ()


def _move(server: Server, to: str) -> Address | None:
    """To an address, or to the next free one of a network. Raises Invalid."""
    server.ip_address = _wanted(server, to)
    server.save()
    return server.ip_address


def _wanted(server: Server, text: str) -> Address:
    if "/" in text:
        return hold_next(_network(server, text), server.mac_address).ip_address
    try:
        return parse_address(text)
    except ValueError as error:
        raise Invalid(_("Type an address, or a network as in 10.0.2.0/24.")) from error


def _network(server: Server, text: str) -> Subnet:
    try:
        network = parse_network(text)
    except ValueError as error:
        raise Invalid(str(error)) from error
    found = Subnet.objects.in_vrf(server.vrf_id).filter(network=network).first()
    if found is None:
        raise Invalid(_("There is no subnet %s.") % network)
    return found


def _release(server: Server, to: str) -> None:
    server.ip_address = None
    server.save()


def _quarantine(server: Server, to: str) -> None:
    ip, note = server.ip_address, _("It was the address of %s.") % server.hostname
    _release(server, to)
    subnet = Subnet.objects.containing(ip, server.vrf_id) if ip else None
    if ip and subnet:
        range_plan.apply(range_plan.plan(subnet, ip, ip, "quarantine"), note)


VERBS = {
    "move": Verb(gettext_lazy("Move"), _move, gettext_lazy("%(name)s is now at %(new)s."), True),
    "release": Verb(
        gettext_lazy("Release"), _release, gettext_lazy("%(former)s of %(name)s is released.")
    ),
    "quarantine": Verb(
        gettext_lazy("Quarantine"),
        _quarantine,
        gettext_lazy("%(former)s of %(name)s is in quarantine."),
        needed=("ipam.change_ipaddress",),
    ),
}


class ChangePage(PlanPage):
    """What becomes of a server's address."""

    template = "admin/machine/change.html"
    needed = ("ipam.change_server",)

    def __init__(self, request: HttpRequest, subject: Subject, name: str) -> None:
        super().__init__(request)
        self.subject, self.verb = subject, VERBS[name]

    def answer(self) -> HttpResponse:
        if self.verb.asks_where or self.subject.ip:
            return super().answer()
        messages.error(self.request, _("%s holds no address.") % self.subject.name)
        return HttpResponseRedirect(self.url())

    def also_needed(self) -> Sequence[str]:
        return self.verb.needed

    def before(self) -> dict[str, Any]:
        """Where nothing is asked, what will happen is shown at once."""
        if self.verb.asks_where:
            return {}
        try:
            return self._shown(self.work())
        except REFUSALS as error:
            return {"refusal": sentences(error)}

    def work(self) -> Work[Moved]:
        key, to = self.subject.row.pk, self.given("to")

        def work() -> Moved:
            server = Server.objects.get(pk=key)
            former = server.ip_address
            return Moved(former, self.verb.work(server, to))

        return work

    def frame(self) -> dict[str, Any]:
        return {
            **each(self.request),
            "title": f"{self.verb.title}: {self.subject.name}",
            "subject": self.subject,
            "verb": self.verb,
            "tabs": tabs(self.request, self.subject.row, ""),
            "sees": Sees.of(self.request),
        }

    def choices(self) -> dict[str, Any]:
        """The networks that one may choose from; a link may have chosen already."""
        given = self.request.POST or self.request.GET
        rows = Subnet.objects.in_vrf(self.subject.row.vrf_id).order_by("network")
        return {"given": given, "networks": list(rows.values_list("network", "name")[:CHOICES])}

    def of_plan(self, plan: Plan[Moved]) -> dict[str, Any]:
        return {"moved": plan.found}

    def done(self, found: Moved) -> str:
        name = self.subject.name
        return self.verb.done % {"name": name, "former": found.former, "new": found.new}

    def url(self) -> str:
        return page("ipam_server_page", self.subject.row.pk)
