"""All networks in the order of their addresses, a strip for each outermost one: its subnets and the
gaps between them as blocks. A block is wider where the network is larger, but not to scale, so that
a /28 can be seen beside a /16; its colour and its figure say how much is given out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import filterfalse, islice
from math import log2
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipam.addresses import Network
from ipam.admin import marks
from ipam.models import Subnet
from ipam.pages.chosen import Chosen
from ipam.usage import Usage
from ipam.usage.measure import leases, usages_in, whole_tree
from ipam.usage.tree import Node
from ipmanager.networks.gaps import Gap, gaps_between
from ipmanager.networks.links import page

STEPS = (0, 20, 45, 70, 90)  # per cent: the levels of colour
WIDEST = 12


@dataclass(frozen=True, slots=True)
class Block:
    """A subnet or a gap in a strip. `classes` are its width and its colour."""

    text: str
    figure: str
    title: str
    url: str
    classes: str
    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """An outermost network with what is inside it."""

    network: Network
    name: str
    url: str
    summary: str
    blocks: list[Block]
    more: int = 0  # blocks that are left out


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is shown, and whether gaps lead to the form of a new subnet."""

    strips: int
    blocks: int
    creates: bool


def strips(request: HttpRequest, most: int, most_blocks: int) -> tuple[list[Strip], int]:
    """The strips, and how many more there are. The number of queries does not depend on the
    ledger."""
    user: Any = request.user
    limits = Limits(most, most_blocks, user.has_perm("ipam.add_subnet"))
    ledger = Ledger(Chosen.of(request), limits)
    roots = ledger.roots()
    return [ledger.strip(node) for node in roots[:most]], max(0, len(roots) - most)


class Ledger:
    """The subnets that are chosen, with their figures."""

    def __init__(self, chosen: Chosen, limits: Limits) -> None:
        self.limits, self.tree = limits, whole_tree()
        self.usages: Mapping[int, Usage] = usages_in(self.tree, leases(None))
        rows = chosen.narrow(Subnet.objects.all()).values("pk", "network", "name")
        found = {row["pk"]: row for row in rows}
        for key in found.keys() - self.tree.nodes.keys():  # created since the tree was read
            del found[key]
        self.rows: dict[int, dict[str, Any]] = found

    def roots(self) -> list[Node]:
        """Those without another one around them, by address; the global space first."""
        nodes = map(self.tree.nodes.__getitem__, self.rows)
        return sorted(
            filterfalse(self._is_inside, nodes),
            key=lambda node: (node.vrf or 0, node.version, node.first),
        )

    def _is_inside(self, node: Node) -> bool:
        around = node.parent
        while around and around.key not in self.rows:
            around = around.parent
        return around is not None

    def strip(self, root: Node) -> Strip:
        row = self.rows[root.key]
        inside = [child for child in root.children if child.key in self.rows]
        blocks = self._blocks(root, inside) if inside else iter([self._block(root)])
        total = 2 * len(inside) + 1  # at most: each has a gap before it
        shown = list(islice(blocks, self.limits.blocks))
        more = max(0, total - len(shown)) if len(shown) == self.limits.blocks else 0
        return Strip(
            row["network"],
            row["name"],
            page("network", root.key),
            self._summary(root, len(inside)),
            shown,
            more,
        )

    def _summary(self, root: Node, inside: int) -> str:
        count = ngettext("%d network", "%d networks", inside) % inside
        given = self._given(self.usages[root.key], root.version)
        return " · ".join(filter(None, [count if inside else "", given]))

    def _given(self, usage: Usage, version: int) -> str:
        """How much is given out; of IPv6 a number, since a share of a /64 says nothing."""
        used, total = _sums(usage)
        if version == 6:
            return _("%s in use") % marks.count(used)
        if not total:
            return ""
        return _("%s given out") % marks.per_cent(100 * min(used, total) / total)

    def _blocks(self, root: Node, inside: list[Node]) -> Iterator[Block]:
        network = self.rows[root.key]["network"]
        spans = [(child.first, child.last) for child in inside]
        gaps = list(gaps_between(network, spans, root.vrf))
        for child in inside:
            while gaps and gaps[0].first < child.first:
                yield self._gap(gaps.pop(0))
            yield self._block(child)
        yield from map(self._gap, gaps)

    def _block(self, node: Node) -> Block:
        row, usage = self.rows[node.key], self.usages[node.key]
        used, total = _sums(usage)
        percent = 100 * min(used, total) / total if total else 0.0
        figure = marks.count(used) if node.version == 6 else marks.per_cent(percent)
        level = 0 if node.version == 6 else sum(percent >= step for step in STEPS)
        colour = f"h{level}" if used else "h0"
        return Block(
            row["name"] or str(row["network"]),
            figure,
            f"{row['network']} {row['name']} · {self._given(usage, node.version)}",
            page("network", node.key),
            f"{_width(node.last - node.first + 1, node.version)} {colour}",
        )

    def _gap(self, gap: Gap) -> Block:
        number = _("%s free") % gap.number
        size = gap.last - gap.first + 1
        url = gap.url if self.limits.creates else ""
        return Block("", number, f"{gap.text} · {number}", url, _width(size, gap.version), True)


def _sums(usage: Usage) -> tuple[int, int]:
    """What is given out, static and by DHCP, of what can be."""
    return usage.static.used + usage.dhcp.used, usage.static.total + usage.dhcp.total


def _width(size: int, version: int) -> str:
    """A class from w1 to w12, by the number of bits."""
    bits = log2(max(size, 1))
    if version == 6:
        bits = bits / 8
    return f"w{max(1, min(WIDEST, round(bits) - 2))}"
