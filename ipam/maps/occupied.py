"""An IPv6 network as the blocks in it that are in use: the rest of it is too large for a map."""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.db.models import Count

from ipam.addresses import Network
from ipam.maps.area import Area, Prefix

MOST = 256  # blocks
LONGEST = 120  # whose 256 addresses are cells


@dataclass
class Occupied:
    """A block with how many of its addresses there are of each kind."""

    network: Network
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def number(self) -> int:
        return self.kinds.total()


def occupied(area: Area) -> list[Occupied]:
    """The blocks in use, upwards: as small as possible without being too many. Two queries."""
    length = _length(area)
    prefix = Prefix("ip_address", 6, length)
    kinds: dict[int, Counter[str]] = defaultdict(Counter)
    for start, status, number in area.rows.values_list(prefix, "status").annotate(Count("pk")):
        kinds[prefix.number(start)][status] += number
    for address in area.leased():
        kinds[address >> (128 - length) << (128 - length)]["leased"] += 1
    found = []
    for start, counts in sorted(kinds.items())[:MOST]:
        found.append(Occupied(ipaddress.IPv6Network((start, length)), counts))
    return found


def _length(area: Area) -> int:
    lengths = range(area.network.prefixlen // 8 * 8 + 8, LONGEST + 1, 8)
    counts = area.rows.aggregate(
        **{f"of_{one}": Count(Prefix("ip_address", 6, one), distinct=True) for one in lengths}
    )
    fitting = [one for one in lengths if counts[f"of_{one}"] <= MOST]
    return max(fitting, default=lengths[0])
