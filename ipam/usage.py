"""How full subnets are: live rows counted by the database, everything else by arithmetic.

No number here costs more for a /8 than for a /24, and the queries are as many for one subnet as for
a hundred."""

from __future__ import annotations

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
        return 100 * self.live / self.usable if self.usable else 0.0


def usage(subnets: Sequence[Subnet]) -> dict[int, Usage]:
    """The usage of each subnet, by its key. Three queries."""
    counts = _counts(subnets)
    pools: dict[int, list[Pool]] = defaultdict(list)
    for pool in Pool.objects.filter(subnet__in=subnets):
        pools[pool.subnet_id].append(pool)
    children = _children(subnets)
    return {
        subnet.pk: _usage(subnet, pools[subnet.pk], children[subnet.pk], counts[subnet.pk])
        for subnet in subnets
    }


def pool_sizes(pools: Sequence[Pool]) -> dict[int, int]:
    """How many addresses each pool can hand out, by its key. Load the subnets with them; one
    query."""
    subnets = list({pool.subnet_id: pool.subnet for pool in pools}.values())
    children = _children(subnets)
    return {
        pool.pk: _own(pool.subnet, pool.first, pool.last, children[pool.subnet_id])
        if pool.kind == Pool.Kind.STATIC
        else pool.size
        for pool in pools
    }


def fullest(number: int) -> list[tuple[Subnet, Usage]]:
    """The subnets with the largest share of live addresses, the fullest first.

    Every subnet is judged by its whole size; only the foremost are measured exactly.
    """
    counted = (
        IPAddress.objects.live()
        .exclude(subnet=None)
        .order_by()
        .values_list("subnet")
        .annotate(number=Count("*"))
    )
    live: dict[int, int] = dict(counted)
    shares = [
        (live[key] / network.num_addresses, key)
        for key, network in Subnet.objects.order_by().values_list("pk", "network")
        if key in live
    ]
    foremost = [key for _share, key in sorted(shares, reverse=True)[: 4 * number]]
    measured = usage(subnets := list(Subnet.objects.filter(pk__in=foremost).select_related("vrf")))
    pairs = [(subnet, measured[subnet.pk]) for subnet in subnets]
    return sorted(pairs, key=lambda pair: pair[1].percent, reverse=True)[:number]


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
        network = subnet.network
        last = type(network)((network.broadcast_address, network.max_prefixlen))
        inside |= Q(network__gt=network, network__lte=last)
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
    first, last = addresses.first_host(subnet.network), addresses.last_host(subnet.network)
    by_status = {
        name: sum(number for (status, *_key), number in counts.items() if status == name)
        for name in _STATUSES
    }
    gateway = sum(number for (_status, _type, is_gateway), number in counts.items() if is_gateway)
    return Usage(
        usable=_own(subnet, first, last, children) + gateway,
        static=sum(
            _own(subnet, pool.first, pool.last, children) for pool in pools if pool.kind == "static"
        ),
        dhcp=sum(pool.size for pool in pools if pool.kind == "dhcp"),
        static_live=sum(
            n
            for (_status, ip_type, is_gateway), n in counts.items()
            if ip_type == "static" and not is_gateway
        ),
        **by_status,
    )


_STATUSES = ("allocated", "reserved", "quarantine")


def _own(
    subnet: Subnet, first: addresses.Address, last: addresses.Address, children: Sequence[Subnet]
) -> int:
    """Addresses from first to last that are the subnet's own and free for machines."""
    total = addresses.size(first, last)
    total -= sum(
        addresses.overlap(
            first, last, child.network.network_address, child.network.broadcast_address
        )
        for child in children
    )
    return total - sum(
        1
        for address in pool_rows.never_allocated(subnet)
        if int(first) <= int(address) <= int(last)
        and not any(address in child.network for child in children)
    )
