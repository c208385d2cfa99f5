"""Which subnets inside another one have free addresses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ipam.models import Subnet
from ipam.usage.measure import usage

MOST = 20  # child subnets


@dataclass(frozen=True)
class FreeChild:
    """A subnet directly inside another one, and how many addresses it and those in it have free."""

    id: int
    network: str
    name: str
    free: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def children_with_free(subnet: Subnet) -> list[FreeChild]:
    """The subnets directly inside that have free static addresses, those with the most first; at
    most MOST."""
    children = subnet.children
    measured = usage(children)
    found = []
    for child in children:
        if free := measured[child.pk].static.free:
            found.append(FreeChild(child.pk, str(child.network), child.name, free))
    found.sort(key=lambda child: child.free, reverse=True)
    return found[:MOST]
