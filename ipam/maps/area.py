"""A part of an address space, with what the ledger knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BinaryField, Func, QuerySet

from ipam.addresses import Network
from ipam.models import IPAddress
from ipam.ranges import Span, span_of
from ipam.usage.measure import Lease
from ipam.usage.tree import Packed, Place, Tree

_IPV4_START, _IPV6_START, _INET_START = 13, 1, 4  # bytes before the address


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
        first, last = self.span
        place = self.place
        return [
            lease.address
            for lease in self.leases
            if lease.place == place and first <= lease.address <= last
        ]


class Prefix(Func):
    """The first bytes of an address: all addresses of a block have the same."""

    function = "SUBSTR"
    output_field = BinaryField()

    def __init__(self, field: str, version: int, length: int) -> None:
        self.start, self.shift = _start(version), (4, 16)[version == 6] * 8 - length
        super().__init__(Packed(field), 1, self.start + length // 8)

    def number(self, data: Any) -> int:
        """The first address of the block."""
        return int.from_bytes(bytes(data)[self.start :]) << self.shift


def _start(version: int) -> int:
    if connection.vendor == "postgresql":
        return _INET_START
    return _IPV6_START if version == 6 else _IPV4_START
