"""Split a subnet: what is chosen, what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.errors import Invalid
from dhcp.reshape.split import split
from ipam.admin.base import REFUSALS, sentences
from ipam.models import IPAddress, Subnet
from ipam.reshape.split import Choices, lengths
from ipmanager.networks.carried_out import effect
from ipmanager.networks.head import Head
from ipmanager.networks.links import page
from ipmanager.networks.page import page_context

NEEDED = (
    *("ipam.add_subnet", "ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
    "ipam.change_ipaddress",
)
NEEDED_WITH_SCOPE = (
    *("dhcp.add_dhcpscope", "dhcp.delete_dhcpscope"),
    *("dhcp.add_dhcpoption", "dhcp.delete_dhcpoption"),
)
LONGEST = 2000  # characters of the names


@dataclass(frozen=True)
class Part:
    """A part as the preview shows it."""

    network: Any
    name: str
    gateway: Any
    pools: list[str]
    has_static_pool: bool
    held: int


@dataclass(frozen=True)
class Asked:
    length: int
    names: str
    gateways: str

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        """Raises Invalid."""
        given = request.POST
        length = given.get("length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 4):
            raise Invalid(_("Choose how many parts there will be."))
        names = given.get("names", "")[:LONGEST].replace("\0", "")
        return cls(int(length), names, given.get("gateways", ""))

    @property
    def choices(self) -> Choices:
        names = tuple(map(str.strip, filter(None, self.names.split(","))))
        return Choices(names, first_is_gateway=self.gateways == "first")


def view(request: HttpRequest, subnet: Subnet) -> HttpResponse:
    _check_rights(request, subnet)
    if request.method != "POST":
        return _page(request, subnet)
    try:
        asked = Asked.of(request)
        if "apply" in request.POST:
            return _apply(request, subnet, asked)
        return _page(request, subnet, asked=asked, **_preview(request, subnet, asked))
    except REFUSALS as error:
        again = Subnet.objects.get(pk=subnet.pk)
        return _page(request, again, status=409, refusal=sentences(error))


def _check_rights(request: HttpRequest, subnet: Subnet) -> None:
    needed = list(NEEDED)
    if hasattr(subnet, "dhcp_scope"):
        needed += NEEDED_WITH_SCOPE
    if not request.user.has_perms(needed):
        raise PermissionDenied


def _page(request: HttpRequest, subnet: Subnet, status: int = 200, **found: Any) -> HttpResponse:
    context = {
        **page_context(request, Head(request, subnet), ""),
        "sizes": list(_sizes(subnet)),
        "given": request.POST,
        **found,
    }
    return TemplateResponse(request, "admin/networks/split.html", context, status=status)


def _sizes(subnet: Subnet) -> Iterator[tuple[int, str]]:
    for length in lengths(subnet.network):
        yield length, f"{1 << (length - subnet.network.prefixlen)} × /{length}"


def _apply(request: HttpRequest, subnet: Subnet, asked: Asked) -> HttpResponse:
    made = split(subnet, asked.length, asked.choices)
    text = ngettext(
        "%(subnet)s is split into %(number)d network.",
        "%(subnet)s is split into %(number)d networks.",
        len(made),
    )
    messages.success(request, text % {"subnet": subnet.network, "number": len(made)})
    return HttpResponseRedirect(page("network_space", subnet.pk))


# --- preview --------------------------------------------------------------------------------------


def _preview(request: HttpRequest, subnet: Subnet, asked: Asked) -> dict[str, Any]:
    """What applying would do; nothing of it stays."""

    def work(fresh: Subnet) -> list[Part]:
        return _parts(split(fresh, asked.length, asked.choices))

    shown = effect(request, subnet, work)
    parts = shown.found
    return {
        "parts": parts,
        "warnings": [*_without_router(subnet, parts), *_without_static_pool(subnet, parts)],
        "diff": shown.diff,
        "shows_diff": shown.shows_diff,
    }


def _without_router(subnet: Subnet, parts: list[Part]) -> Iterator[str]:
    """The parts whose machines lose their router."""
    for part in parts:
        if subnet.gateway and not part.gateway:
            yield _("%s gets no gateway: its machines are told no router.") % part.network


def _without_static_pool(subnet: Subnet, parts: list[Part]) -> Iterator[str]:
    """The parts in which more can be handed out than before: a subnet without a static pool hands
    out all of its host addresses."""
    had = subnet.pools.filter(kind="static").exists()
    for part in parts:
        if had and not part.has_static_pool:
            text = _("%s has no static pool: each of its free host addresses can be handed out.")
            yield text % part.network


def _parts(made: list[Subnet]) -> list[Part]:
    rows = IPAddress.objects.filter(subnet__in=made).live().order_by().values_list("subnet")
    held = dict(rows.annotate(Count("pk")))
    pools = Subnet.objects.filter(pk__in=[part.pk for part in made]).prefetch_related("pools")
    return [_shown(part, held.get(part.pk, 0)) for part in pools.order_by("network")]


def _shown(part: Subnet, held: int) -> Part:
    pools = list(part.pools.all())
    kinds = set(map(attrgetter("kind"), pools))
    texts = list(map(str, pools))
    return Part(part.network, part.name, part.gateway, texts, "static" in kinds, held)
