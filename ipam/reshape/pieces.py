"""The pieces of pools that lie in another network than before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ipam import addresses, ranges
from ipam.addresses import Address, Network
from ipam.models import Pool
from ipam.ranges import Span

Texts = dict[str, list[str]]  # ranges by the kind of their pools, as `Subnet` takes them


def cut(network: Network, gateway: Address | None, pools: Sequence[Pool]) -> Texts:
    """What is left of the pools in the network."""
    texts: Texts = {"static": [], "dhcp": []}
    for pool in pools:
        span = ranges.span(pool.first, pool.last)
        texts[pool.kind] += free_spans(network, [span], [gateway])
    return texts


def free_spans(
    network: Network,
    spans: Sequence[Span],
    without: Sequence[Address | None],
    taken: Sequence[Span] = (),
) -> Iterator[str]:
    """The parts of the spans that are host addresses of the network, without single addresses and
    without what is taken."""
    hosts = int(addresses.first_host(network)), int(addresses.last_host(network))
    left_out = [(int(one), int(one)) for one in filter(None, without)]
    address = type(network.network_address)
    for first, last in ranges.clipped(spans, *hosts):
        for low, high in ranges.gaps(first, last, ranges.merged([*left_out, *taken])):
            yield f"{address(low)}-{address(high)}"
