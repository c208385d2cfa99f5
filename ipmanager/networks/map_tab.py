"""The map of a subnet, or of a part of it: cells, blocks that lead deeper, or what is in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from discovery.conflicts.models import Conflict
from ipam import addresses
from ipam.addresses import Network
from ipam.admin import marks
from ipam.maps import blocks, cells, occupied
from ipam.maps.area import Area
from ipam.models import Subnet
from ipam.querysets import inside
from ipam.usage.tree import Node
from ipmanager.networks.gaps import largest
from ipmanager.networks.head import Head, short
from ipmanager.networks.links import address_url, page

COLUMNS = 16
HEADS = [f"+{number}" for number in range(COLUMNS)]
LONGEST_HOLDER = 40
NAMED = 4  # subnets in a block
KINDS = {
    "allocated": gettext_lazy("used"),
    "leased": gettext_lazy("leased"),
    "reserved": gettext_lazy("reserved"),
    "quarantine": gettext_lazy("quarantine"),
    "conflict": gettext_lazy("conflict"),
    "gateway": gettext_lazy("gateway"),
    "free": gettext_lazy("free"),
    "dhcp": gettext_lazy("DHCP pool, free"),
    "outside": gettext_lazy("in no pool"),
    "special": gettext_lazy("network or broadcast address"),
    "no-subnet": gettext_lazy("in no subnet"),
}


@dataclass(frozen=True)
class CellLink:
    """A cell as the page shows it."""

    ip: str
    kind: str
    url: str
    title: str


@dataclass(frozen=True)
class Row:
    head: str
    cells: Sequence[CellLink]


@dataclass(frozen=True)
class Grid:
    """A small map of up to 256 addresses."""

    network: Network
    columns: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class BlockLink:
    """A block as the page shows it."""

    text: str
    url: str
    title: str
    classes: str


def context(head: Head, at: str) -> dict[str, Any]:
    """What the template of the map needs. Raises Http404 for a part that is not in the subnet."""
    area = replace(head.area, network=part(head.subnet, at))
    found = {"area": area.network, "at": at, "up": _up(head, area.network)}
    if not head.sees.addresses:
        return found
    shown = area
    if not head.sees.sightings:
        shown = replace(area, leases=[])
    if cells.is_small(area):
        return {**found, **_cells(head, shown)}
    if area.network.version == 6:
        return {**found, "occupied": _occupied(head, shown)}
    return {**found, **_blocks(head, area)}  # whose figures are those of the bars above


def part(subnet: Subnet, at: str) -> Network:
    """The part of the subnet that is shown: all of it unless another one is asked for."""
    if not at:
        return subnet.network
    try:
        network = addresses.parse_network(at)
    except ValueError as error:
        raise Http404 from error
    if not addresses.inside(network, subnet.network):
        raise Http404
    return network


def part_url(head: Head, network: Network) -> str:
    if network == head.subnet.network:
        return head.url()
    return page("network", head.subnet.pk, at=network)


def _up(head: Head, network: Network) -> list[tuple[str, str]]:
    """The parts around the one that is shown, widest first."""
    found, own = [], head.subnet.network.prefixlen
    for length in range(own // 8 * 8 + 8, network.prefixlen, 8):
        around = network.supernet(new_prefix=length)
        found.append((str(around), part_url(head, around)))
    if network.prefixlen > own:
        found.insert(0, (str(head.subnet.network), head.url()))
    return found


# --- cells ----------------------------------------------------------------------------------------


def _cells(head: Head, area: Area) -> dict[str, Any]:
    found = cells.cells_of(area, _conflicts(head, area))
    links = list(map(_Linker(area.vrf), found))
    tally = Counter(cell.kind for cell in found)
    return {
        "grids": list(_grids(area.network, links)),
        "legend": [(kind, label, tally[kind]) for kind, label in KINDS.items() if tally[kind]],
    }


def _conflicts(head: Head, area: Area) -> list[int]:
    if not head.sees.conflicts:
        return []
    rows = Conflict.objects.open().filter(inside("ip_address", [area.network]), vrf=area.vrf)
    found: Iterable[Any] = rows.values_list("ip_address", flat=True)
    return list(map(int, found))


class _Linker:
    """Makes cells into links; `reverse` for each would take longer than all the rest."""

    def __init__(self, vrf: int | None) -> None:
        self._before, self._after = address_url("KEY", vrf).split("KEY")
        self._labels = {kind: str(label) for kind, label in KINDS.items()}

    def __call__(self, cell: cells.Cell) -> CellLink:
        ip, title = str(cell.ip), f"{cell.ip} · {self._labels[cell.kind]}"
        if cell.holder:
            title = f"{title} · {addresses.shorten(cell.holder, LONGEST_HOLDER)}"
        return CellLink(ip, cell.kind, f"{self._before}{ip}{self._after}", title)


def _grids(network: Network, links: Sequence[CellLink]) -> Iterable[Grid]:
    """The cells in maps of 256."""
    bits = network.max_prefixlen - 8
    parts = [network]
    if network.prefixlen < bits:
        parts = list(network.subnets(new_prefix=bits))
    size = parts[0].num_addresses
    for index, one in enumerate(parts):
        own = links[index * size : (index + 1) * size]
        yield Grid(one, HEADS, list(_rows(one, own)))


def _rows(network: Network, links: Sequence[CellLink]) -> Iterable[Row]:
    for start in range(0, len(links), COLUMNS):
        yield Row(short(network[start]), links[start : start + COLUMNS])


# --- blocks ---------------------------------------------------------------------------------------


def _blocks(head: Head, area: Area) -> dict[str, Any]:
    found = blocks.blocks_of(area)
    names = dict(_names(head.subnet))
    links = [_block(head, block, names) for block in found]
    step = min(COLUMNS, len(links))
    lines = []
    for start in range(0, len(links), step):
        lines.append((_short_block(found[start].network), links[start : start + step]))
    columns = HEADS[:step]
    return {"blocks": lines, "block_columns": columns, "largest": largest(head.gaps())}


def _names(subnet: Subnet) -> Iterable[tuple[int, str]]:
    """The subnets inside by key."""
    inner = Subnet.objects.in_vrf(subnet.vrf_id).within(subnet.network)
    for key, network, name in inner.values_list("pk", "network", "name"):
        yield key, f"{network} {name}".strip()


def _short_block(network: Network) -> str:
    """The part of its address that differs from its neighbour's."""
    number = int(network.network_address) >> (32 - network.prefixlen)
    return f".{number & 255}"


def _block(head: Head, block: blocks.Block, names: dict[int, str]) -> BlockLink:
    share, nodes = block.share, [*block.subnets[:NAMED]]
    classes, text = [f"h{block.level}"], "·"
    if node := _child_around(head, block):
        classes.append("one-net")
        nodes.insert(0, node)
    if nodes:
        text = f"{share.percent:.0f}"
        classes.append("used")
    numbers = {"used": marks.count(share.used), "total": marks.count(share.total)}
    told = _("%(used)s of %(total)s in use") % numbers
    within = map(names.get, map(attrgetter("key"), nodes))
    title = "\n".join(dict.fromkeys(filter(None, [str(block.network), *within, told])))
    return BlockLink(text, _block_url(head, block), title, " ".join(classes))


def _child_around(head: Head, block: blocks.Block) -> Node | None:
    """The subnet inside this one that the block is, or lies in."""
    if block.node is None or block.node.key == head.subnet.pk:
        return None
    return block.node


def _block_url(head: Head, block: blocks.Block) -> str:
    """The page of the subnet that the block is, or lies in; else the part of this one."""
    node = _child_around(head, block)
    if node is None:
        return part_url(head, block.network)
    if node.length == block.network.prefixlen:
        return page("network", node.key)
    return page("network", node.key, at=block.network)


# --- IPv6 -----------------------------------------------------------------------------------------


def _occupied(head: Head, area: Area) -> list[dict[str, Any]]:
    found = []
    for block in occupied.occupied(area):
        counts = [(kind, KINDS[kind], number) for kind, number in sorted(block.kinds.items())]
        found.append(
            {"block": block.network, "url": part_url(head, block.network), "counts": counts}
        )
    return found
