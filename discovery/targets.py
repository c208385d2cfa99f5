"""Which addresses of a subnet a round asks, some at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ipam import ranges
from ipam.addresses import Address, Network
from ipam.models import IPAddress, Sighting, Subnet
from ipam.querysets import either, network_inside
from ipam.ranges import Span

WHOLE = 16  # bits: in larger subnets, and in IPv6, only known addresses are asked
RECENT = timedelta(days=30)  # an address that was seen so long ago is still asked

Key = tuple[int | None, Network]


@dataclass(frozen=True, slots=True)
class Targets:
    """Addresses to ask. The round goes on behind `cursor`; it ends if there is none."""

    addresses: list[Address]
    cursor: Address | None = None


def next_targets(
    subnet: Subnet, cursor: Address | None, number: int, children: Sequence[Network]
) -> Targets:
    """The next addresses behind the cursor, at most so many, upwards. Child subnets have rounds of
    their own."""
    first = int(subnet.network[0] if cursor is None else cursor) + (cursor is not None)
    spans = _spans(subnet, first, children)
    kind = type(subnet.network[0])
    if is_whole(subnet.network):
        found = [kind(address) for address in islice(_each(spans), number)]
        return Targets(found, _last_of(found, number))
    known = _known(subnet, spans, kind, number)
    asked = [address for address in known if ranges.covers(spans, int(address))]
    return Targets(asked, _last_of(known, number))


def _last_of(found: Sequence[Address], number: int) -> Address | None:
    return found[-1] if len(found) == number else None


def is_whole(network: Network) -> bool:
    """Whether each address is asked."""
    return network.version == 4 and network.max_prefixlen - network.prefixlen <= WHOLE


def children_of(subnets: Sequence[Subnet]) -> Mapping[Key, list[Network]]:
    """The networks of the subnets inside each, in one query."""
    found: dict[Key, list[Network]] = defaultdict(list)
    if not subnets:
        return found
    within = Subnet.objects.filter(either(network_inside(row.network) for row in subnets))
    rows = list(within.values_list("vrf_id", "network"))
    for subnet in subnets:
        found[subnet.vrf_id, subnet.network] = list(_inside(subnet, rows))
    return found


def _inside(subnet: Subnet, rows: Sequence[tuple[int | None, Any]]) -> Iterator[Network]:
    own = subnet.network
    for vrf_id, network in rows:
        if vrf_id == subnet.vrf_id and network != own and ranges.is_inside(network, own):
            yield network


def _spans(subnet: Subnet, first: int, children: Sequence[Network]) -> list[Span]:
    network = subnet.network
    hosts = ranges.host_span(network.version, int(network[0]), network.prefixlen)
    inner = [ranges.span_of(child) for child in children]
    own = ranges.static_ranges(hosts, None, (), (), inner)
    return ranges.clipped(own, first, hosts[1])


def _each(spans: Sequence[Span]) -> Iterator[int]:
    for first, last in spans:
        yield from range(first, last + 1)


def _known(subnet: Subnet, spans: Sequence[Span], kind: Any, number: int) -> list[Address]:
    """Addresses that somebody counts on, or that were seen lately, in order."""
    if not spans:
        return []
    low, high = kind(spans[0][0]), kind(spans[-1][1])
    ledger = IPAddress.objects.live().filter(vrf=subnet.vrf_id)
    seen = Sighting.objects.filter(vrf=subnet.vrf_id, seen_at__gt=timezone.now() - RECENT)
    wanted = _lowest(ledger, low, high, number) | _lowest(seen, low, high, number)
    return sorted(wanted)[:number]


def _lowest(rows: QuerySet[Any], low: Address, high: Address, number: int) -> set[Address]:
    """The lowest addresses of these rows between two addresses."""
    found = rows.filter(ip_address__range=(low, high)).order_by("ip_address")
    return set(found.values_list("ip_address", flat=True).distinct()[:number])
