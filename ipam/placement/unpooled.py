"""Find free addresses in a subnet that has no static pool: its host addresses outside the gateway,
DHCP pools and child subnets. They have no rows until they are allocated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import filterfalse
from operator import attrgetter

from ipam import ranges
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Sighting, Subnet
from ipam.querysets import used_by_others
from ipam.ranges import Span

_WINDOW = 1024  # addresses whose rows are read at once


def next_address(
    subnet: Subnet,
    first: Address | None = None,
    last: Address | None = None,
    mac_address: str | None = None,
) -> Address | None:
    """The lowest address that has no row, and that no machine with another MAC address uses;
    None when there is none, or when the subnet has a static pool.

    Every used address in front is counted, and 1,024 at most are read; so it is the same for a /8
    and for an IPv6 /64. The caller holds the ledger's lock if the answer must stay true."""
    pools = list(subnet.pools.all())
    if Pool.Kind.STATIC in map(attrgetter("kind"), pools):
        return None
    low = int(subnet.network[0] if first is None else first)
    high = int(subnet.network[-1] if last is None else last)
    for start, end in ranges.clipped(_host_ranges(subnet, pools), low, high):
        for address in _gaps(subnet, start, end, mac_address):
            return address
    return None


def _host_ranges(subnet: Subnet, pools: list[Pool]) -> list[Span]:
    network = subnet.network
    return ranges.static_ranges(
        ranges.host_span(network.version, int(network[0]), network.prefixlen),
        int(subnet.gateway) if subnet.gateway else None,
        (),
        [ranges.span(pool.first, pool.last) for pool in pools],
        [ranges.span_of(child.network) for child in subnet.children],
    )


def _gaps(subnet: Subnet, first: int, last: int, mac_address: str | None) -> Iterator[Address]:
    """The addresses without a row that no other machine uses, upwards. A window that has as many
    rows as addresses is passed over, and the next one is twice as wide."""
    kind = type(subnet.network[0])
    size = _WINDOW
    while first <= last:
        end = min(first + size - 1, last)
        rows = IPAddress.objects.filter(vrf=subnet.vrf_id).between(kind(first), kind(end))
        if rows.count() > end - first:
            first, size = end + 1, 2 * size
        elif end - first >= _WINDOW:
            size = (end - first + 1) // 2
        else:
            taken = set(rows.values_list("ip_address", flat=True))
            taken |= _used(subnet, kind(first), kind(end), mac_address)
            yield from filterfalse(taken.__contains__, map(kind, range(first, end + 1)))
            first, size = end + 1, _WINDOW


def _used(subnet: Subnet, first: Address, last: Address, mac_address: str | None) -> set[Address]:
    """The addresses that another machine uses."""
    rows = Sighting.objects.filter(
        used_by_others(mac_address), vrf=subnet.vrf_id, ip_address__range=(first, last)
    )
    return set(rows.values_list("ip_address", flat=True))
