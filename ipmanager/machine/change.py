"""Move a server, release its address, or put it in quarantine. GET shows what will happen, which is
found by doing it and taking it back; POST does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Invalid
from ipam.addresses import Address, parse_address, parse_network
from ipam.admin.base import REFUSALS, sentences
from ipam.allocate import hold_next
from ipam.maps import range_plan
from ipam.models import Server, Subnet
from ipmanager.machine.access import Sees
from ipmanager.machine.page import tabs
from ipmanager.machine.subject import Subject
from ipmanager.networks.carried_out import Effect, taken_back
from ipmanager.networks.links import page
from ipmanager.networks.page import each

CHOICES = 300  # networks that are offered while one types
LONGEST = 200
Given = Mapping[str, str]


@dataclass(frozen=True)
class Verb:
    """What can be done: its name, the work, what is said afterwards, and whether one says where."""

    title: Any
    work: Callable[[Server, Given], Address | None]
    done: Any
    asks_where: bool = False


def _move(server: Server, given: Given) -> Address | None:
    """To an address, or to the next free one of a network. Raises Invalid."""
    server.ip_address = _wanted(server, given.get("to", "").strip()[:LONGEST])
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


def _release(server: Server, given: Given) -> None:
    server.ip_address = None
    server.save()


def _quarantine(server: Server, given: Given) -> None:
    ip, note = server.ip_address, _("It was the address of %s.") % server.hostname
    _release(server, given)
    subnet = Subnet.objects.containing(ip, server.vrf_id) if ip else None
    if ip and subnet:
        range_plan.apply(range_plan.plan(subnet, ip, ip, "quarantine"), note)


VERBS = {
    "move": Verb(gettext_lazy("Move"), _move, gettext_lazy("%(name)s is now at %(to)s."), True),
    "release": Verb(
        gettext_lazy("Release"), _release, gettext_lazy("%(from)s of %(name)s is released.")
    ),
    "quarantine": Verb(
        gettext_lazy("Quarantine"),
        _quarantine,
        gettext_lazy("%(from)s of %(name)s is in quarantine."),
    ),
}


def view(request: HttpRequest, subject: Subject, name: str) -> HttpResponse:
    server: Any = subject.server
    verb, user = VERBS[name], request.user
    if not user.has_perm("ipam.change_server"):
        raise PermissionDenied
    if not (verb.asks_where or server.ip_address):
        messages.error(request, _("%s holds no address.") % server)
        return HttpResponseRedirect(page("ipam_server_page", server.pk))
    if request.method == "POST":
        return _apply(request, subject, name)
    return _show(request, subject, name, request.GET.dict())


def _apply(request: HttpRequest, subject: Subject, name: str) -> HttpResponse:
    server: Any = subject.server
    verb, before, given = VERBS[name], server.ip_address, request.POST.dict()
    try:
        with transaction.atomic():
            to = verb.work(Server.objects.get(pk=server.pk), given)
    except REFUSALS as error:
        return _show(request, subject, name, given, sentences(error))
    facts = {"name": server.hostname, "from": before, "to": to}
    messages.success(request, verb.done % facts)
    return HttpResponseRedirect(page("ipam_server_page", server.pk))


def _show(
    request: HttpRequest, subject: Subject, name: str, given: Given, refusal: str = ""
) -> HttpResponse:
    """The preview; or, where it is not said yet where to, the question."""
    verb, shown = VERBS[name], None
    if not refusal and (given.get("to") or not verb.asks_where):
        shown, refusal = _effect(request, subject, verb, given)
    context = {
        **each(request),
        "title": f"{verb.title}: {subject.name}",
        "subject": subject,
        "verb": verb,
        "given": given,
        "refusal": refusal,
        "effect": shown,
        "networks": _networks(subject) if verb.asks_where else [],
        "tabs": tabs(request, subject.row, ""),
        "sees": Sees.of(request),
    }
    status = 409 if refusal and request.method == "POST" else 200
    return TemplateResponse(request, "admin/machine/change.html", context, status=status)


def _effect(
    request: HttpRequest, subject: Subject, verb: Verb, given: Given
) -> tuple[Effect[Address | None] | None, str]:
    """What it would do, or why it is refused."""
    server = Server.objects.get(pk=subject.row.pk)
    try:
        return taken_back(request, _place(subject), lambda: verb.work(server, given)), ""
    except REFUSALS as error:
        return None, sentences(error)


def _place(subject: Subject) -> Subnet | None:
    row = subject.rows.get(subject.ip) if subject.ip else None
    return row.subnet if row else None


def _networks(subject: Subject) -> list[Any]:
    """What one may choose from."""
    rows = Subnet.objects.in_vrf(subject.row.vrf_id).order_by("network")
    return list(rows.values_list("network", "name")[:CHOICES])
