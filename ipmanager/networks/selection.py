"""A range of a subnet: reserve, release or quarantine it, or make a pool of it. GET shows what will
happen, POST does just that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Invalid, IPManagerError
from ipam.addresses import Address, shorten
from ipam.admin.base import REFUSALS, sentences
from ipam.maps import range_plan
from ipam.models import Pool, Subnet
from ipmanager.networks.access import Sees
from ipmanager.networks.head import Head
from ipmanager.networks.links import address_url, page
from ipmanager.networks.page import page_context

SHOWN = 100  # addresses of each list
LONGEST_NOTE = 2000
VERBS = {
    "reserve": gettext_lazy("Reserve"),
    "release": gettext_lazy("Release"),
    "quarantine": gettext_lazy("Quarantine"),
    "static": gettext_lazy("Make a static pool"),
    "dhcp": gettext_lazy("Make a DHCP pool"),
}
DONE = {
    "reserve": lambda n: ngettext("%d address is reserved.", "%d addresses are reserved.", n),
    "release": lambda n: ngettext("%d address is released.", "%d addresses are released.", n),
    "quarantine": lambda n: ngettext(
        "%d address is in quarantine.", "%d addresses are in quarantine.", n
    ),
}


@dataclass(frozen=True)
class Choice:
    """What was chosen on the map: a range and a verb."""

    first: Address
    last: Address
    verb: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Choice:
        """Raises Invalid."""
        first = range_plan.parse(given.get("first", ""))
        last = range_plan.parse(given.get("last") or str(first))
        verb = given.get("verb", "")
        if verb not in VERBS:
            raise Invalid(_("Choose what to do with the range."))
        if first.version != last.version:
            raise Invalid(_("Both ends of a range are of one address family."))
        low, high = sorted((first, last), key=int)
        return cls(low, high, verb)

    @property
    def permission(self) -> str:
        return "ipam.add_pool" if self.is_pool else "ipam.change_ipaddress"

    @property
    def is_pool(self) -> bool:
        return self.verb in Pool.Kind.values

    def pool(self, subnet: Subnet) -> Pool:
        return Pool(subnet=subnet, first=self.first, last=self.last, kind=self.verb)


def view(request: HttpRequest, subnet: Subnet) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    try:
        choice = Choice.of(given.dict())
        if not request.user.has_perm(choice.permission):
            raise PermissionDenied
        if request.method == "POST":
            return _apply(request, subnet, choice)
        return _preview(request, subnet, choice)
    except IPManagerError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(page("network", subnet.pk))


# --- preview --------------------------------------------------------------------------------------


def _preview(
    request: HttpRequest, subnet: Subnet, choice: Choice, status: int = 200
) -> HttpResponse:
    context = {
        **page_context(request, Head(request, subnet), "network"),
        "choice": choice,
        "verb": VERBS[choice.verb],
        "note": request.POST.get("note", "")[:LONGEST_NOTE],
        "takes_note": choice.verb in ("reserve", "quarantine"),
        "may_apply": True,
    }
    if choice.is_pool:
        context |= _pool_context(choice.pool(subnet))
    else:
        context |= _plan_context(request, subnet, choice)
    return TemplateResponse(request, "admin/networks/range.html", context, status=status)


def _pool_context(pool: Pool) -> dict[str, Any]:
    try:
        pool.full_clean()
    except ValidationError as error:
        return {"refusals": error.messages, "may_apply": False}
    return {"pool": pool}


def _plan_context(request: HttpRequest, subnet: Subnet, choice: Choice) -> dict[str, Any]:
    sees = Sees.of(request)
    plan = range_plan.plan(subnet, choice.first, choice.last, choice.verb)
    return {
        "plan": plan,
        "doing": _lines(plan.doing, sees),
        "refused": _lines(plan.refused, sees),
        "more_doing": max(0, len(plan.doing) - SHOWN),
        "more_refused": max(0, len(plan.refused) - SHOWN),
        "may_apply": bool(plan.doing),
    }


def _lines(steps: list[range_plan.Step], sees: Sees) -> list[dict[str, Any]]:
    lines = []
    for step in steps[:SHOWN]:
        row = step.row
        lines.append(
            {
                "ip": row.ip_address,
                "url": address_url(row.ip_address, row.vrf_id),
                "status": row.status,
                "label": row.get_status_display(),
                "what": shorten(row.hostname or row.vm_id or row.description),
                "refusal": _refusal(step, sees),
            }
        )
    return lines


def _refusal(step: range_plan.Step, sees: Sees) -> str:
    """The reason, without the server's name for those who may not view servers."""
    if step.refusal and step.row.server_id and not sees.servers:
        return _("held by a server")
    return step.refusal


# --- apply ----------------------------------------------------------------------------------------


def _apply(request: HttpRequest, subnet: Subnet, choice: Choice) -> HttpResponse:
    try:
        text = _pool(subnet, choice) if choice.is_pool else _addresses(request, subnet, choice)
    except REFUSALS as error:
        messages.error(request, sentences(error))
        return _preview(request, subnet, choice, status=409)
    messages.success(request, text)
    return HttpResponseRedirect(page("network", subnet.pk, first=choice.first, last=choice.last))


def _pool(subnet: Subnet, choice: Choice) -> str:
    pool = choice.pool(subnet)
    pool.save()
    return _("The pool %s is made.") % pool


def _addresses(request: HttpRequest, subnet: Subnet, choice: Choice) -> str:
    note = request.POST.get("note", "")[:LONGEST_NOTE].replace("\r\n", "\n").replace("\0", "")
    digest = request.POST.get("digest", "")
    place = (subnet, choice.first, choice.last, choice.verb)
    number = range_plan.apply_shown(*place, digest, note)
    return DONE[choice.verb](number) % number
