"""Move machines into another subnet: what is chosen, what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from changes.plans.services import left_behind
from changes.plans.verb import Plan, Work
from core.errors import Invalid
from dhcp.reshape.renumber import Renumbered, renumber
from ipam import addresses
from ipam.addresses import Address
from ipam.maps import range_plan
from ipam.models import Subnet
from ipam.reshape.renumber import Choices
from ipmanager.networks.links import address_url
from ipmanager.plans.page import SubnetPlanPage
from names.models import Record

SHOWN = 500  # rows
SUGGESTED = 200  # subnets


@dataclass(frozen=True)
class Moved:
    """A row of the preview."""

    former: Address
    url: str
    what: str
    new: Address | None
    refusal: str


@dataclass(frozen=True)
class Found:
    """What moves, what stays, and what else is to be said."""

    moves: list[Moved]
    stay: list[Moved]
    records: list[str]
    warnings: list[str]


class RenumberPage(SubnetPlanPage):
    template = "admin/plans/renumber.html"
    needed = (
        *("ipam.view_server", "ipam.change_server", "ipam.change_interface"),
        *("ipam.change_ipaddress", "ipam.change_subnet"),
    )

    def also_needed(self) -> Sequence[str]:
        return ("names.change_record",) if Record.objects.exists() else ()

    def work(self) -> Work[Found]:
        target = _target(self.given("target"), self.subnet)
        ends = [range_plan.parse(text) if text else None for text in self._ends()]
        choices = Choices(self.given("place") != "next", *ends)
        return lambda: self._found(renumber(self.fresh(), _fresh(target), choices))

    def _found(self, done: Renumbered) -> Found:
        """Services are named to those only who may see them."""
        user: Any = self.request.user
        also = left_behind(self.subnet, done) if user.has_perm("registry.view_service") else ()
        return _found(done, self.subnet, [*done.warnings, *also])

    def _ends(self) -> Iterator[str]:
        yield from map(self.given, ("first", "last"))

    def choices(self) -> dict[str, Any]:
        network = self.subnet.network
        others = Subnet.objects.in_vrf(self.subnet.vrf_id).exclude(pk=self.subnet.pk)
        found = others.order_by("network")[:SUGGESTED]
        return {"others": [one for one in found if one.network.version == network.version]}

    def of_plan(self, plan: Plan[Found]) -> dict[str, Any]:
        found = plan.found
        more = len(found.moves) - SHOWN
        return {"found": found, "moves": found.moves[:SHOWN], "more_moves": max(0, more)} | {
            "warnings": found.warnings
        }

    def done(self, found: Found) -> str:
        text = ngettext(
            "%(number)d address of %(subnet)s is moved.",
            "%(number)d addresses of %(subnet)s are moved.",
            len(found.moves),
        )
        return text % {"number": len(found.moves), "subnet": self.subnet.network}


def _target(text: str, source: Subnet) -> Subnet:
    """Raises Invalid."""
    try:
        network = addresses.parse_network(text)
    except ValueError as error:
        raise Invalid(": ".join((_("Into"), str(error)))) from error
    found = Subnet.objects.in_vrf(source.vrf_id).filter(network=network).first()
    if found is None:
        raise Invalid(_("There is no subnet %s.") % network, _("Create it first."))
    return found


def _fresh(subnet: Subnet) -> Subnet:
    return Subnet.objects.get(pk=subnet.pk)


def _found(done: Renumbered, source: Subnet, warnings: list[str]) -> Found:
    moves = []
    for move in done.moves:
        former = move.row.ip_address
        url = address_url(former, source.vrf_id)
        moves.append(Moved(former, url, move.what, move.new, move.refusal))
    return Found(
        [one for one in moves if one.new is not None],
        [one for one in moves if one.new is None],
        done.records,
        warnings,
    )
