"""A large IPv4 network as up to 256 blocks, each with how much of what can be handed out is in use.
The rows are counted in SQL, block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db.models import Count, F, Q

from ipam import ranges
from ipam.addresses import Network
from ipam.maps.area import Area, Prefix
from ipam.models import Pool
from ipam.ranges import Span
from ipam.usage.measure import Share
from ipam.usage.tree import Node


@dataclass
class Block:
    """A part of a network. `node` is the most specific subnet around all of it, or None."""

    network: Network
    node: Node | None = None
    subnets: list[Node] = field(default_factory=list)  # that begin in it, and are not larger
    share: Share = field(default_factory=Share)

    @property
    def level(self) -> int:
        """How full it is, 0 (nothing in use) to 5."""
        steps = (0, 20, 45, 70, 90)
        return sum(self.share.percent > step for step in steps)


def block_length(network: Network) -> int:
    """The prefix length of the blocks of a network: a whole number of bytes, and longer."""
    return network.prefixlen // 8 * 8 + 8


def blocks_of(area: Area) -> list[Block]:
    """The blocks of the network, upwards. Two queries."""
    length = block_length(area.network)
    used, total = _used(area, length), _totals(area, length)
    found = []
    for network in area.network.subnets(new_prefix=length):
        number = int(network.network_address)
        block = Block(network, _around(area, network), share=Share(total[number], used[number]))
        found.append(block)
    _add_subnets(area, found)
    return found


def _around(area: Area, network: Network) -> Node | None:
    first, last = ranges.span_of(network)
    node = area.tree.containing(area.place, first)
    while node and (node.last < last or node.first > first):
        node = node.parent
    return node


def _add_subnets(area: Area, blocks: list[Block]) -> None:
    first, size = area.span[0], blocks[0].network.num_addresses
    for node in _nodes(area):
        index = (node.first - first) // size
        if 0 <= index < len(blocks) and node.length >= blocks[0].network.prefixlen:
            blocks[index].subnets.append(node)


def _nodes(area: Area) -> Iterable[Node]:
    return area.tree.places.get(area.place, ())


# --- figures --------------------------------------------------------------------------------------


def _totals(area: Area, length: int) -> Counter[int]:
    """How many addresses of each block can be handed out."""
    totals: Counter[int] = Counter()
    for node in _nodes(area):
        for first, last in ranges.clipped([*node.static], *area.span):
            totals.update(_parts((first, last), length))
        for first, last in ranges.clipped([*node.dhcp], *area.span):
            totals.update(_parts((first, last), length))
    return totals


def _parts(span: Span, length: int) -> dict[int, int]:
    """The number of a span's addresses in each block."""
    first, last = span
    size = 1 << (32 - length)
    starts = range(first // size * size, last + 1, size)
    return {start: min(last, start + size - 1) - max(first, start) + 1 for start in starts}


def _used(area: Area, length: int) -> Counter[int]:
    """How many of them are in use, as ipam.usage counts them."""
    used: Counter[int] = Counter()
    for start, number in (*_held(area, length), *_reserved(area, length)):
        used[start] += number
    mask = -1 << (32 - length)
    used.update(address & mask for address in area.leased())
    return used


def _held(area: Area, length: int) -> Iterator[tuple[int, int]]:
    """Live rows at addresses that we hand out; of subnets without static pools all live rows."""
    prefix = Prefix("ip_address", 4, length)
    rows = area.rows.exclude(ip_address=F("subnet__gateway")) | area.rows.filter(
        subnet__gateway=None
    )
    groups = rows.exclude(subnet=None).values_list(prefix, "subnet", "ip_type")
    for start, subnet, ip_type, number in groups.annotate(Count("pk")):
        node = area.tree.nodes.get(subnet)
        if ip_type == "static" or (node and not node.static_pools):
            yield prefix.number(start), number


def _reserved(area: Area, length: int) -> Iterator[tuple[int, int]]:
    """Live rows in DHCP pools of subnets that have static ones, too."""
    prefix = Prefix("ip_address", 4, length)
    inside = Q(subnet__pools__first__lte=F("ip_address"), subnet__pools__last__gte=F("ip_address"))
    rows = area.rows.filter(inside, subnet__pools__kind=Pool.Kind.DHCP)
    for start, subnet, number in rows.values_list(prefix, "subnet").annotate(Count("pk")):
        node = area.tree.nodes.get(subnet)
        if node and node.static_pools:
            yield prefix.number(start), number
