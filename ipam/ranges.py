"""Ranges of addresses as whole numbers: which addresses of a subnet can be handed out, and by whom.

Everything here is pure. A /8 costs no more than a /24."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from ipam.addresses import Address, Network

Span = tuple[int, int]  # the first and the last address, both included
_BITS = {4: 32, 6: 128}
_last = itemgetter(1)


def span(first: Address, last: Address) -> Span:
    """The span from one address to another."""
    return int(first), int(last)


def span_of(network: Network) -> Span:
    """The span of a network, its ends included."""
    return int(network.network_address), int(network.broadcast_address)


def is_inside(network: Network, around: Network) -> bool:
    """Whether a network lies in another one, or is the same."""
    if network.version != around.version:
        return False
    return network.prefixlen >= around.prefixlen and network[0] in around


def network_span(version: int, first: int, length: int) -> Span:
    """The addresses of the network that starts at `first` and has this prefix length."""
    return first, first + (1 << (_BITS[version] - length)) - 1


def host_span(version: int, first: int, length: int) -> Span:
    """The addresses that hosts may have in the network that starts at `first` and has this prefix
    length: no network address, and no broadcast address in IPv4 (RFC 3021 for /31, RFC 6164 for
    /127)."""
    first, last = network_span(version, first, length)
    if length >= _BITS[version] - 1:
        return first, last
    return first + 1, last - int(version == 4)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def gaps(first: int, last: int, taken: Sequence[Span]) -> Iterator[Span]:
    """The parts of a span that none of the `merged` spans covers, upwards."""
    for index in range(bisect_left(taken, first, key=_last), len(taken)):
        low, high = taken[index]
        if low > last:
            break
        if low > first:
            yield first, low - 1
        first = high + 1
    if first <= last:
        yield first, last


def clipped(spans: Sequence[Span], first: int, last: int) -> list[Span]:
    """The parts of spans in order that lie between two addresses."""
    found = []
    for index in range(bisect_left(spans, first, key=_last), len(spans)):
        low, high = spans[index]
        if low > last:
            break
        found.append((max(low, first), min(high, last)))
    return found


def count(addresses: Sequence[int], spans: Iterable[Span]) -> int:
    """How many of the addresses, which are in order, lie in the spans."""
    return sum(
        bisect_right(addresses, last) - bisect_left(addresses, first) for first, last in spans
    )


def size(spans: Iterable[Span]) -> int:
    """How many addresses lie in spans that do not overlap."""
    return sum(last - first + 1 for first, last in spans)


def covers(spans: Sequence[Span], address: int) -> bool:
    """Whether one of the spans, which are in order and do not overlap, holds the address."""
    index = bisect_left(spans, address, key=_last)
    return index < len(spans) and spans[index][0] <= address


def static_ranges(
    hosts: Span,
    gateway: int | None,
    static: Sequence[Span],
    dhcp: Sequence[Span],
    children: Sequence[Span],
) -> list[Span]:
    """The addresses of a subnet that `allocate` may hand out, as spans in order.

    They lie in its static pools; without any, anywhere outside its DHCP pools. The gateway, the
    network and broadcast address, and the addresses of child subnets are never among them."""
    taken = list(children)
    if gateway is not None:
        taken.append((gateway, gateway))
    if not static:
        taken += dhcp
    taken = merged(taken)
    found: list[Span] = []
    for first, last in merged(static) or [hosts]:
        found += gaps(max(first, hosts[0]), min(last, hosts[1]), taken)
    return found
