"""Each address of a small network as a cell: what it is, and who has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ipam import ranges
from ipam.addresses import Address
from ipam.maps.area import Area
from ipam.usage.tree import Node, Packed, unpack

MOST = 1024  # addresses of one map
# What a cell is. Those with a live row are called like its status.
CONFLICT, GATEWAY, LEASED = "conflict", "gateway", "leased"
DHCP, FREE, OUTSIDE, SPECIAL, NO_SUBNET = "dhcp", "free", "outside", "special", "no-subnet"
_ADDRESS: dict[int, Any] = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}


@dataclass(frozen=True, slots=True)
class Cell:
    ip: Address
    kind: str
    holder: str = ""


def is_small(area: Area) -> bool:
    """Whether each of its addresses has a cell."""
    return area.network.num_addresses <= MOST


def cells_of(area: Area, conflicts: Collection[int] = ()) -> list[Cell]:
    """The addresses of a small network, upwards. One query; `conflicts` are known already."""
    kinds, names = _holders(area)
    kinds |= dict.fromkeys(area.leased(), LEASED)
    kinds |= dict.fromkeys(_gateways(area), GATEWAY)
    kinds |= dict.fromkeys(conflicts, CONFLICT)
    address, found = _ADDRESS[area.network.version], []
    first, last = area.span
    for number in range(first, last + 1):
        node = area.tree.containing(area.place, number)
        kind = kinds.get(number) or _ground(node, number)
        found.append(Cell(address(number), kind, names.get(number, "")))
    return found


def _holders(area: Area) -> tuple[dict[int, str], dict[int, str]]:
    """Status and holder of each address with a live row."""
    statuses: dict[int, str] = {}
    names: dict[int, str] = {}
    columns = (Packed("ip_address"), "status", "hostname", "vm_id", "description")
    for packed, status, *words in area.rows.values_list(*columns):
        number = unpack(packed)[1]
        statuses[number] = status
        names[number] = next(filter(None, words), "")
    return statuses, names


def _gateways(area: Area) -> Iterable[int]:
    return filter(None, map(attrgetter("gateway"), area.nodes))


def _ground(node: Node | None, number: int) -> str:
    if node is None:
        return NO_SUBNET
    hosts = ranges.host_span(node.version, node.first, node.length)
    for kind, spans in ((DHCP, node.dhcp), (FREE, node.static), (OUTSIDE, [hosts])):
        if ranges.covers(spans, number):
            return kind
    return SPECIAL
