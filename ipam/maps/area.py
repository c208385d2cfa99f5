"""A part of an address space, with what the ledger knows of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BinaryField, Func, QuerySet

from ipam.addresses import Network
from ipam.models import IPAddress
from ipam.ranges import Span, span_of
from ipam.usage.measure import Lease
from ipam.usage.tree import Node, Packed, Place, Tree

_BITS = {4: 32, 6: 128}
# How many bytes stand before the address in what `Packed` reads.
_STARTS = {"sqlite": {4: 13, 6: 1}, "postgresql": {4: 4, 6: 4}}


@dataclass(frozen=True)
class Area:
    """A network, the tree of the subnets in it, and the leases without a live row."""

    vrf: int | None
    network: Network
    tree: Tree
    leases: Sequence[Lease]

    @property
    def place(self) -> Place:
        return self.vrf, self.network.version

    @property
    def span(self) -> Span:
        return span_of(self.network)

    @property
    def rows(self) -> QuerySet[IPAddress]:
        """The live rows inside, in no order."""
        return IPAddress.objects.filter(vrf=self.vrf).within(self.network).live().order_by()

    def leased(self) -> list[int]:
        """The leased addresses inside as numbers."""
        here = sorted(lease.address for lease in self.leases if lease.place == self.place)
        first, last = self.span
        return here[bisect_left(here, first) : bisect_right(here, last)]

    @property
    def nodes(self) -> Sequence[Node]:
        """The subnets of its address space that the tree has, in tree order."""
        return self.tree.places.get(self.place, [])


class Prefix(Func):
    """The first bytes of an address: all addresses of a block have the same."""

    function = "SUBSTR"
    output_field = BinaryField()

    def __init__(self, field: str, version: int, length: int) -> None:
        self.start = _STARTS[connection.vendor][version]
        self.shift = _BITS[version] - length
        super().__init__(Packed(field), 1, self.start + length // 8)

    def number(self, data: Any) -> int:
        """The first address of the block."""
        return int.from_bytes(bytes(data)[self.start :]) << self.shift
