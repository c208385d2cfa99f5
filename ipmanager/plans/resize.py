"""Grow or shrink a subnet: what is chosen, what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.plans.verb import Plan, Work
from core.errors import Invalid
from dhcp.reshape.resize import resize
from ipam import addresses
from ipam.addresses import Address, Network
from ipam.maps import range_plan
from ipam.models import IPAddress, Pool, Subnet
from ipam.reshape.resize import Choices, suggested
from ipmanager.plans.page import SubnetPlanPage

NEW_SPACE = {
    "": gettext_lazy("in no pool"),
    "static": gettext_lazy("in a static pool"),
    "dhcp": gettext_lazy("in a DHCP pool"),
}


@dataclass(frozen=True)
class Resized:
    """The subnet as the preview shows it."""

    network: Network
    gateway: Address | None
    pools: list[str]
    lost: list[str]  # pools, or parts of them, that are no more
    held: int
    children: list[str]


class ResizePage(SubnetPlanPage):
    template = "admin/plans/resize.html"
    needed = (
        *("ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
        "ipam.change_ipaddress",
    )

    def work(self) -> Work[Resized]:
        try:
            network = addresses.parse_network(self.given("network"))
        except ValueError as error:
            raise Invalid(": ".join((_("New network"), str(error)))) from error
        gateway = range_plan.parse(self.given("gateway")) if self.given("gateway") else None
        new_space = self.given("new_space")
        if new_space not in NEW_SPACE:
            raise Invalid(_("Choose where the new addresses are."))
        return lambda: _resized(self.fresh(), network, Choices(gateway, new_space))

    def choices(self) -> dict[str, Any]:
        gateway = self.subnet.gateway or ""
        return {
            "suggested": list(suggested(self.subnet.network)),
            "network": self.given("network"),
            "gateway": self.given("gateway") if self.request.method == "POST" else gateway,
            "new_spaces": NEW_SPACE.items(),
        }

    def of_plan(self, plan: Plan[Resized]) -> dict[str, Any]:
        return {"resized": plan.found, "warnings": list(_warnings(self.subnet, plan.found))}

    def done(self, found: Resized) -> str:
        text = _("%(former)s is %(network)s now.")
        return text % {"former": self.subnet.network, "network": found.network}


def _resized(subnet: Subnet, network: Network, choices: Choices) -> Resized:
    former = set(map(str, subnet.pools.all()))
    resize(subnet, network, choices)
    pools = list(map(str, Pool.objects.filter(subnet=subnet).order_by("first")))
    return Resized(
        network,
        subnet.gateway,
        pools,
        sorted(former - set(pools)),
        IPAddress.objects.filter(subnet=subnet).live().count(),
        list(map(str, subnet.children)),
    )


def _warnings(subnet: Subnet, found: Resized) -> Iterator[str]:
    if subnet.gateway and not found.gateway:
        yield _("%s gets no gateway: its machines are told no router.") % found.network
    for pool in found.lost:
        yield _("The pool %s goes, or is cut.") % pool
    former = set(map(str, subnet.children))
    for child in found.children:
        if child not in former:
            yield _("%s comes to lie inside.") % child
