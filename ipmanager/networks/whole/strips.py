"""All networks in the order of their addresses, a strip for each outermost one: its subnets and the
gaps between them as blocks. A block is wider where the network is larger, but not to scale, so that
a /28 can be seen beside a /16; its colour and its figure say how much is given out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from math import log2
from operator import attrgetter
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
        inside = list(filter(self._is_shown, root.children))
        parts: list[Node | Gap] = [*inside, *self._gaps(root, inside)] or [root]
        parts.sort(key=attrgetter("first"))
        most = self.limits.blocks
        return Strip(
            row["network"],
            row["name"],
            page("network", root.key),
            self._summary(root, len(inside)),
            list(map(self._block, parts[:most])),
            len(parts[most:]),
        )

    def _is_shown(self, node: Node) -> bool:
        return node.key in self.rows

    def _gaps(self, root: Node, inside: list[Node]) -> Iterable[Gap]:
        """None where there is nothing inside: it is a block by itself."""
        if not inside:
            return ()
        spans = list(map(attrgetter("first", "last"), inside))
        return gaps_between(self.rows[root.key]["network"], spans, root.vrf)

    def _summary(self, root: Node, inside: int) -> str:
        given = Given.of(self.usages[root.key], root.version).sentence
        if not inside:
            return given
        number = ngettext("%d network", "%d networks", inside) % inside
        return f"{number} · {given}"

    def _block(self, part: Node | Gap) -> Block:
        if isinstance(part, Gap):
            return self._gap(part)
        row = self.rows[part.key]
        given = Given.of(self.usages[part.key], part.version)
        return Block(
            row["name"] or str(row["network"]),
            given.figure,
            f"{row['network']} {row['name']} · {given.sentence}",
            page("network", part.key),
            f"{_width(part)} {given.colour}",
        )

    def _gap(self, gap: Gap) -> Block:
        number = _("%s free") % gap.number
        url = gap.url if self.limits.creates else ""
        return Block("", number, f"{gap.text} · {number}", url, _width(gap), True)


@dataclass(frozen=True, slots=True)
class Given:
    """How much of a network is given out, static and by DHCP; of IPv6 a number, since a share of a
    /64 says nothing."""

    used: int
    total: int
    version: int

    @classmethod
    def of(cls, usage: Usage, version: int) -> Given:
        static, dhcp = usage.static, usage.dhcp
        return cls(static.used + dhcp.used, static.total + dhcp.total, version)

    @property
    def percent(self) -> float:
        return 100 * min(self.used, self.total) / max(self.total, 1)

    @property
    def figure(self) -> str:
        if self.version == 6:
            return marks.count(self.used)
        return marks.per_cent(self.percent)

    @property
    def sentence(self) -> str:
        texts = {4: _("%s given out"), 6: _("%s in use")}
        return texts[self.version] % self.figure

    @property
    def colour(self) -> str:
        """A class from h0 (nothing, or IPv6) to h5 (nearly all)."""
        level = bisect_right(STEPS, self.percent)
        return f"h{level * bool(self.used) * (self.version == 4)}"


def _width(part: Node | Gap) -> str:
    """A class from w1 to w12, by the number of bits."""
    bits = log2(part.last - part.first + 1) / {4: 1, 6: 8}[part.version]
    return f"w{max(1, min(WIDEST, round(bits) - 2))}"
