"""What lies free between the subnets of a network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ipam import ranges
from ipam.addresses import Address, Network
from ipam.admin import marks
from ipam.ranges import Span
from ipmanager.networks.links import create_url

_ADDRESS: dict[int, Any] = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
MOST = 40  # blocks of a gap


@dataclass(frozen=True)
class FreeBlock:
    """A free network, and the form that creates it."""

    network: Network
    url: str

    @property
    def number(self) -> str:
        return marks.count(self.network.num_addresses)


@dataclass(frozen=True)
class Gap:
    """Addresses between two subnets that are in none."""

    version: int
    first: int
    last: int
    vrf: int | None

    @property
    def ends(self) -> tuple[Address, Address]:
        address = _ADDRESS[self.version]
        return address(self.first), address(self.last)

    @property
    def text(self) -> str:
        """A network where it is one, else a range."""
        found = self.blocks()
        if len(found) == 1:
            return str(found[0].network)
        return "{}–{}".format(*self.ends)

    @property
    def number(self) -> str:
        return marks.count(self.last - self.first + 1)

    @property
    def url(self) -> str:
        """The form that creates the largest subnet that fits at its start or after it."""
        return min(self.blocks(), key=lambda block: block.network.prefixlen).url

    def blocks(self) -> list[FreeBlock]:
        """The networks that it consists of."""
        first, last = self.ends
        networks: Any = ipaddress.summarize_address_range(first, last)
        found = []
        for network, _turn in zip(networks, range(MOST), strict=False):
            found.append(FreeBlock(network, create_url(network, self.vrf)))
        return found


def gaps_between(network: Network, spans: Sequence[Span], vrf: int | None) -> Iterator[Gap]:
    """The gaps in a network between the spans of its subnets."""
    first, last = ranges.span_of(network)
    for low, high in ranges.gaps(first, last, ranges.merged(spans)):
        yield Gap(network.version, low, high, vrf)


def largest(gaps: Sequence[Gap], number: int = 6) -> list[FreeBlock]:
    """The largest free blocks, of which a network can be made."""
    blocks = [block for gap in gaps for block in gap.blocks()]
    blocks.sort(key=lambda block: block.network.prefixlen)
    return blocks[:number]
