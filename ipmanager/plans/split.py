"""Split a subnet: what is chosen, what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from changes.plans.verb import Plan, Work
from core.errors import Invalid
from dhcp.reshape.split import split
from ipam.models import IPAddress, Subnet
from ipam.reshape.split import Choices, lengths
from ipmanager.networks.links import page
from ipmanager.plans.page import SubnetPlanPage

NEEDED_WITH_SCOPE = (
    *("dhcp.add_dhcpscope", "dhcp.delete_dhcpscope"),
    *("dhcp.add_dhcpoption", "dhcp.delete_dhcpoption"),
)


@dataclass(frozen=True)
class Part:
    """A part as the preview shows it."""

    network: Any
    name: str
    gateway: Any
    pools: list[str]
    has_static_pool: bool
    held: int


class SplitPage(SubnetPlanPage):
    template = "admin/plans/split.html"
    needed = (
        *("ipam.add_subnet", "ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
        "ipam.change_ipaddress",
    )

    def also_needed(self) -> Sequence[str]:
        return NEEDED_WITH_SCOPE if hasattr(self.subnet, "dhcp_scope") else ()

    def work(self) -> Work[list[Part]]:
        length, names = self.given("length"), self.given("names")
        if not (length.isascii() and length.isdigit() and len(length) < 4):
            raise Invalid(_("Choose how many parts there will be."))
        texts = tuple(map(str.strip, filter(None, names.split(","))))
        choices = Choices(texts, first_is_gateway=self.given("gateways") == "first")
        return lambda: _parts(split(self.fresh(), int(length), choices))

    def choices(self) -> dict[str, Any]:
        return {"sizes": list(_sizes(self.subnet)), "length": self.given("length")}

    def of_plan(self, plan: Plan[list[Part]]) -> dict[str, Any]:
        parts = plan.found
        warnings = (*_without_router(self.subnet, parts), *_without_pool(self.subnet, parts))
        return {"parts": parts, "warnings": list(warnings)}

    def done(self, found: list[Part]) -> str:
        text = ngettext(
            "%(subnet)s is split into %(number)d network.",
            "%(subnet)s is split into %(number)d networks.",
            len(found),
        )
        return text % {"subnet": self.subnet.network, "number": len(found)}

    def url(self) -> str:
        return page("network_space", self.subnet.pk)


def _sizes(subnet: Subnet) -> Iterator[tuple[str, str]]:
    for length in lengths(subnet.network):
        yield str(length), f"{1 << (length - subnet.network.prefixlen)} × /{length}"


def _without_router(subnet: Subnet, parts: list[Part]) -> Iterator[str]:
    """The parts whose machines lose their router."""
    for part in parts:
        if subnet.gateway and not part.gateway:
            yield _("%s gets no gateway: its machines are told no router.") % part.network


def _without_pool(subnet: Subnet, parts: list[Part]) -> Iterator[str]:
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
