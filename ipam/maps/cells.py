"""Each address of a small network as a cell: what it is, and who has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass
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
    holders = dict(_holders(area))
    kinds = {number: kind for number, (kind, _name) in holders.items()}
    kinds |= dict.fromkeys(area.leased(), LEASED)
    kinds |= dict.fromkeys(_gateways(area), GATEWAY)
    kinds |= dict.fromkeys(conflicts, CONFLICT)
    address, found = _ADDRESS[area.network.version], []
    for number, ground in _grounds(area):
        name = holders.get(number, ("", ""))[1]
        found.append(Cell(address(number), kinds.get(number, ground), name))
    return found


def _holders(area: Area) -> Iterator[tuple[int, tuple[str, str]]]:
    """Status and holder of each address with a live row."""
    columns = (Packed("ip_address"), "status", "hostname", "vm_id", "description")
    for packed, status, hostname, vm_id, description in area.rows.values_list(*columns):
        yield unpack(packed)[1], (status, hostname or vm_id or description)


def _gateways(area: Area) -> Iterator[int]:
    for node in area.tree.places.get(area.place, ()):
        if node.gateway is not None:
            yield node.gateway


def _grounds(area: Area) -> Iterator[tuple[int, str]]:
    """Each address, and what it is while nobody has it."""
    first, last = area.span
    for number in range(first, last + 1):
        yield number, _ground(area.tree.containing(area.place, number), number)


def _ground(node: Node | None, number: int) -> str:
    if node is None:
        return NO_SUBNET
    hosts = ranges.host_span(node.version, node.first, node.length)
    for kind, spans in ((DHCP, node.dhcp), (FREE, node.static), (OUTSIDE, [hosts])):
        if ranges.covers(spans, number):
            return kind
    return SPECIAL
