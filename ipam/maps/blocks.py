"""A large IPv4 network as up to 256 blocks, each with how much of what can be handed out is in use.
The rows are counted in SQL, block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
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
    while node and node.last < last:  # those that begin later do not contain its first address
        node = node.parent
    return node


def _add_subnets(area: Area, blocks: list[Block]) -> None:
    first, size = area.span[0], blocks[0].network.num_addresses
    length = blocks[0].network.prefixlen
    for node in area.nodes:
        index = (node.first - first) // size
        if node.length >= length and index in range(len(blocks)):
            blocks[index].subnets.append(node)


# --- figures --------------------------------------------------------------------------------------


def _totals(area: Area, length: int) -> Counter[int]:
    """How many addresses of each block can be handed out."""
    totals: Counter[int] = Counter()
    for node in area.nodes:
        for spans in (node.static, node.dhcp):
            for span in ranges.clipped(spans, *area.span):
                _add_span(totals, span, 1 << (32 - length))
    return totals


def _add_span(totals: Counter[int], span: Span, size: int) -> None:
    """Add a span's addresses to the blocks of this size."""
    first, last = span
    for start in range(first // size * size, last + 1, size):
        end = start + size - 1
        totals[start] += min(last, end) - max(first, start) + 1


def _used(area: Area, length: int) -> Counter[int]:
    """How many of them are in use, as ipam.usage counts them."""
    used: Counter[int] = Counter()
    unpooled = {node.key for node in area.nodes if not node.static_pools}
    _add_held(used, area, length, unpooled)
    _add_reserved(used, area, length, unpooled)
    mask = -1 << (32 - length)
    used.update(address & mask for address in area.leased())
    return used


def _add_held(used: Counter[int], area: Area, length: int, unpooled: Container[int]) -> None:
    """Live rows at addresses that we hand out; of subnets without static pools all live rows."""
    prefix = Prefix("ip_address", 4, length)
    is_gateway = Q(subnet__gateway__isnull=False, ip_address=F("subnet__gateway"))
    rows = area.rows.filter(~is_gateway, subnet__isnull=False)
    groups = rows.values_list(prefix, "subnet", "ip_type").annotate(Count("pk"))
    for start, subnet, ip_type, number in groups:
        if ip_type == "static" or subnet in unpooled:
            used[prefix.number(start)] += number


def _add_reserved(used: Counter[int], area: Area, length: int, unpooled: Container[int]) -> None:
    """Live rows in DHCP pools of subnets that have static ones, too."""
    prefix = Prefix("ip_address", 4, length)
    inside = Q(subnet__pools__first__lte=F("ip_address"), subnet__pools__last__gte=F("ip_address"))
    rows = area.rows.filter(inside, subnet__pools__kind=Pool.Kind.DHCP)
    for start, subnet, number in rows.values_list(prefix, "subnet").annotate(Count("pk")):
        if subnet not in unpooled:  # which are counted already
            used[prefix.number(start)] += number
