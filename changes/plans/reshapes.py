"""The plans that divide the address space otherwise, for commands and the API: each by what a
caller says, with what it has done as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from changes.plans.services import left_behind
from changes.plans.verb import Work
from dhcp.reshape import merge, renumber, resize, split
from ipam.addresses import Address, Network
from ipam.models import Subnet
from ipam.reshape.renumber import Choices as Moving
from ipam.reshape.resize import Choices as Sizing
from ipam.reshape.split import Choices as Parting


@dataclass(frozen=True)
class Wanted:
    """What the caller says; each plan reads its own part of it."""

    subnet: Subnet
    length: int = 0
    names: Sequence[str] = ()
    first_is_gateway: bool = False
    network: Network | None = None
    gateway: Address | None = None
    new_space: str = ""
    target: Subnet | None = None
    keeps_place: bool = True
    ends: Sequence[Address | None] = field(default=(None, None))

    def fresh(self) -> Subnet:
        """The subnet as it is when the work is done."""
        return Subnet.objects.get(pk=self.subnet.pk)


Found = dict[str, Any]


def _split(wanted: Wanted) -> Found:
    choices = Parting(wanted.names, first_is_gateway=wanted.first_is_gateway)
    made = split.split(wanted.fresh(), wanted.length, choices)
    return {"parts": [str(part.network) for part in made]}


def _merge(wanted: Wanted) -> Found:
    gone = merge.merge(wanted.fresh())
    return {"merged": [str(child.network) for child in gone]}


def _resize(wanted: Wanted) -> Found:
    assert wanted.network
    choices = Sizing(wanted.gateway, wanted.new_space)
    return {"network": str(resize.resize(wanted.fresh(), wanted.network, choices).network)}


def _renumber(wanted: Wanted) -> Found:
    assert wanted.target
    target = Subnet.objects.get(pk=wanted.target.pk)
    choices = Moving(wanted.keeps_place, *wanted.ends)
    done = renumber.renumber(wanted.fresh(), target, choices)
    return {
        "moved": {str(move.row.ip_address): str(move.new) for move in done.moves if move.new},
        "stays": {str(move.row.ip_address): move.refusal for move in done.moves if not move.new},
        "records": done.records,
        "warnings": [*done.warnings, *left_behind(wanted.subnet, done)],
    }


_WORKS = {"split": _split, "merge": _merge, "resize": _resize, "renumber": _renumber}
VERBS = tuple(_WORKS)


def work_of(verb: str, wanted: Wanted) -> Work[Found]:
    """The work of one of VERBS."""
    return lambda: _WORKS[verb](wanted)
