"""Measure how full subnets are: the database counts live rows, arithmetic does the rest.

No figure costs more for a /8 than for a /24, and the number of queries is the same for one subnet
and for a hundred."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Q

from ipam import addresses
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import pool_rows

Counts = dict[tuple[str, str, bool], int]


@dataclass(frozen=True)
class Usage:
    """A subnet's own addresses (those of its child subnets are theirs)."""

    usable: int  # addresses that machines may have; the gateway is one of them once somebody has it
    static: int  # of these, in static pools
    dhcp: int  # of these, in DHCP pools
    static_live: int  # rows of static pools that are not available, the gateway's left out
    allocated: int
    reserved: int
    quarantine: int

    @property
    def live(self) -> int:
        """Addresses that somebody counts on."""
        return self.allocated + self.reserved + self.quarantine

    @property
    def available(self) -> int:
        """Addresses of the static pools that `allocate` could hand out, those without a row
        included."""
        return max(0, self.static - self.static_live)

    @property
    def percent(self) -> float:
        """Live addresses against usable ones, 0 to 100."""
        if not self.usable:
            return 0.0
        return 100 * self.live / self.usable


def usage(subnets: Sequence[Subnet]) -> dict[int, Usage]:
    """The usage of each subnet, by its key. Three queries."""
    counts = _counts(subnets)
    pools: dict[int, list[Pool]] = defaultdict(list)
    for pool in Pool.objects.filter(subnet__in=subnets):
        pools[pool.subnet_id].append(pool)
    children = _children(subnets)
    found: dict[int, Usage] = {}
    for subnet in subnets:
        key = subnet.pk
        found[key] = _usage(subnet, pools[key], children[key], counts[key])
    return found


def pool_sizes(pools: Sequence[Pool]) -> dict[int, int]:
    """How many addresses each pool can give, by its key. Load the subnets with the pools; one
    query."""
    children = _children(list({pool.subnet for pool in pools}))
    found: dict[int, int] = {}
    for pool in pools:
        if pool.kind == Pool.Kind.STATIC:
            found[pool.pk] = _own(pool.subnet, pool.first, pool.last, children[pool.subnet_id])
        else:
            found[pool.pk] = pool.size
    return found


def fullest(number: int) -> list[tuple[Subnet, Usage]]:
    """The subnets with the largest share of live addresses, the fullest first.

    Every subnet is judged by its whole size; only the foremost are measured exactly.
    """
    rows = IPAddress.objects.live().exclude(subnet=None).order_by().values_list("subnet")
    live: dict[int, int] = dict(rows.annotate(number=Count("*")))
    networks = Subnet.objects.order_by().values_list("pk", "network")
    shares = [(live[key] / network.num_addresses, key) for key, network in networks if key in live]
    foremost = [key for _share, key in heapq.nlargest(4 * number, shares)]
    subnets = list(Subnet.objects.filter(pk__in=foremost).select_related("vrf"))
    measured = usage(subnets)
    subnets.sort(key=lambda subnet: measured[subnet.pk].percent, reverse=True)
    return [(subnet, measured[subnet.pk]) for subnet in subnets[:number]]


def _counts(subnets: Sequence[Subnet]) -> dict[int, Counts]:
    """Live rows by subnet, then by status, type and whether they are the gateway's."""
    found: dict[int, Counts] = defaultdict(dict)
    rows = (
        IPAddress.objects.filter(subnet__in=subnets)
        .live()
        .annotate(gateway=Q(ip_address=F("subnet__gateway")))
    )
    grouped = (
        rows.order_by()
        .values_list("subnet", "status", "ip_type", "gateway")
        .annotate(number=Count("pk"))
    )
    for subnet, status, ip_type, gateway, number in grouped:
        found[subnet][status, ip_type, bool(gateway)] = number
    return found


def _children(subnets: Sequence[Subnet]) -> dict[int, list[Subnet]]:
    """The subnets directly below each one, in one query for all that lie inside the widest of
    them."""
    widest = addresses.outermost(
        sorted(subnets, key=_tree_order), key=lambda subnet: subnet.network
    )
    inside = Q(pk__in=[])
    for subnet in widest:
        last = addresses.last_inside(subnet.network)
        inside |= Q(network__gt=subnet.network, network__lte=last)
    found: dict[int, list[Subnet]] = defaultdict(list)
    open_by_vrf: dict[int | None, list[Subnet]] = defaultdict(list)
    below = Subnet.objects.filter(inside).only("vrf", "network")
    for subnet in sorted({*subnets, *below}, key=_tree_order):
        above = open_by_vrf[subnet.vrf_id]
        while above and not addresses.inside(subnet.network, above[-1].network):
            above.pop()
        if above:
            found[above[-1].pk].append(subnet)
        above.append(subnet)
    return found


def _tree_order(subnet: Subnet) -> tuple[int, int, int]:
    return subnet.network.version, int(subnet.network.network_address), subnet.network.prefixlen


def _usage(
    subnet: Subnet, pools: Sequence[Pool], children: Sequence[Subnet], counts: Counts
) -> Usage:
    totals = dict.fromkeys(("allocated", "reserved", "quarantine", "gateway", "static_live"), 0)
    for (status, ip_type, is_gateway), number in counts.items():
        totals[status] += number
        if is_gateway:
            totals["gateway"] += number
        elif ip_type == "static":
            totals["static_live"] += number
    first, last = addresses.first_host(subnet.network), addresses.last_host(subnet.network)
    static = dhcp = 0
    for pool in pools:
        if pool.kind == "static":
            static += _own(subnet, pool.first, pool.last, children)
        else:
            dhcp += pool.size
    usable = _own(subnet, first, last, children) + totals.pop("gateway")
    return Usage(usable=usable, static=static, dhcp=dhcp, **totals)


def _own(
    subnet: Subnet, first: addresses.Address, last: addresses.Address, children: Sequence[Subnet]
) -> int:
    """Addresses from first to last that are the subnet's own and free for machines."""
    total = addresses.size(first, last)
    for child in children:
        low, high = child.network.network_address, child.network.broadcast_address
        total -= addresses.overlap(first, last, low, high)
    for address in pool_rows.never_allocated(subnet):
        in_child = any(address in child.network for child in children)
        if not in_child and int(first) <= int(address) <= int(last):
            total -= 1
    return total
