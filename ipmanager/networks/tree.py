"""All subnets as a tree with the gaps between them, or sorted by what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ipam.admin import marks
from ipam.admin.pickers import is_key
from ipam.models import VRF, Subnet
from ipam.pages.chosen import Chosen
from ipam.pages.filters import NONE
from ipam.usage import Share, Usage, history
from ipam.usage.measure import leases, usages_in, whole_tree
from ipam.usage.tree import Node, Tree
from ipmanager.networks import draw
from ipmanager.networks.access import Sees
from ipmanager.networks.gaps import Gap, gaps_between
from ipmanager.networks.links import page

MOST = 100  # VRFs to choose from
ALL_OPEN = 60  # subnets; of more, only the outermost are shown at first
ALL = "all"  # instead of keys, which for many subnets no server takes in an address


@dataclass(frozen=True)
class Line:
    """A subnet, or a gap, in the list."""

    depth: int
    subnet: dict[str, Any] | None = None
    gap: Gap | None = None
    url: str = ""
    static: SafeString | str = ""
    static_text: str = ""
    dhcp: SafeString | str = ""
    dhcp_text: str = ""
    trend: SafeString | str = ""
    left: str = ""
    is_full: bool = False
    inside: int = 0  # subnets below
    is_open: bool = True
    fold_url: str = ""


@dataclass
class Asked:
    """How the tree is to be shown."""

    by_left: bool = False
    gaps: bool = True
    vrf: str | None = None
    chosen: Chosen = field(default_factory=Chosen)
    folded: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)
    every: bool | None = None  # whether all others are open; None: as it is at first

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        given, chosen = request.GET, Chosen.of(request)
        vrf = given.get("vrf")
        if vrf is not None:
            chosen = replace(chosen, vrf=vrf if vrf == NONE or is_key(vrf) else "")
        return cls(
            by_left=given.get("sort") == "left",
            gaps=given.get("gaps") != "0",
            vrf=vrf if vrf is None else chosen.vrf,
            chosen=chosen,
            folded=_keys(given.get("folded", "")),
            opened=_keys(given.get("open", "")),
            every=_EVERY.get((given.get("open") == ALL, given.get("folded") == ALL)),
        )

    def url(self, **changed: Any) -> str:
        """The page with something else asked for."""
        values = {
            "sort": "left" if self.by_left else None,
            "gaps": None if self.gaps else "0",
            "vrf": self.vrf,
            **self._folds(self.folded, self.opened),
        }
        return page("networks", **{**values, **changed})

    def _folds(self, folded: set[int], opened: set[int]) -> dict[str, str | None]:
        """Those that are folded and those that are open, as the address says it."""
        if self.every is None:
            return {"folded": _text(folded), "open": _text(opened)}
        if self.every:
            return {"folded": _text(folded), "open": ALL}
        return {"folded": ALL, "open": _text(opened)}

    def toggled(self, key: int, is_open: bool) -> str:
        """The page with one subnet folded or opened."""
        folded, opened = self.folded - {key}, self.opened - {key}
        (folded if is_open else opened).add(key)
        return f"{self.url(**self._folds(folded, opened))}#net-{key}"


_EVERY = {(True, False): True, (False, True): False}


def _keys(text: str) -> set[int]:
    return set(map(int, filter(is_key, text[:4000].split(","))))


def _text(keys: set[int]) -> str | None:
    return ",".join(map(str, sorted(keys))) or None


def context(request: HttpRequest) -> dict[str, Any]:
    """What the template needs. The number of queries does not depend on the ledger."""
    asked, sees = Asked.of(request), Sees.of(request)
    listing = Listing(asked, shows_vrfs=sees.vrfs)
    lines = with_trends(list(listing.lines()))
    return {
        "asked": asked,
        "lines": lines,
        "count": len(listing.rows),
        "nearly_full": listing.nearly_full(),
        "vrf_choices": _vrf_choices(asked, sees),
        "sort_urls": {"address": asked.url(sort=None), "left": asked.url(sort="left")},
        "gaps_url": asked.url(gaps="0" if asked.gaps else None),
        "fold_all_url": asked.url(folded=ALL, open=None),
        "open_all_url": asked.url(folded=None, open=ALL),
        "list_url": page("ipam_subnet_changelist"),
        "add_url": page("ipam_subnet_add"),
    }


def with_trends(lines: list[Line]) -> list[Line]:
    """The lines with how full each subnet was, as a small picture. One query."""
    days = history.sampled([line.subnet["pk"] for line in lines if line.subnet])
    label = _("given out, last 90 days")
    found = []
    for line in lines:
        if line.subnet:
            shares = list(map(_given, days.get(line.subnet["pk"], ())))
            line = replace(line, trend=draw.days(shares, label))
        found.append(line)
    return found


def _given(day: history.Day) -> Share:
    static, dhcp = day.static, day.dhcp
    return Share(static.total + dhcp.total, static.used + dhcp.used)


def _vrf_choices(asked: Asked, sees: Sees) -> list[dict[str, Any]]:
    """The address spaces to choose from; none where there is only the global one."""
    if not (sees.vrfs and VRF.objects.exists()):
        return []
    names = {"": _("All"), NONE: _("Global")}
    for vrf in VRF.objects.order_by("name")[:MOST]:
        names[str(vrf.pk)] = vrf.name
    choices = []
    for value, label in names.items():
        url = asked.url(vrf=value)
        choices.append({"url": url, "label": label, "is_chosen": asked.chosen.vrf == value})
    return choices


class Listing:
    """The subnets with their figures, and how they become lines."""

    def __init__(self, asked: Asked, *, shows_vrfs: bool) -> None:
        self.asked = asked
        self.tree: Tree = whole_tree()
        self.usages: Mapping[int, Usage] = usages_in(self.tree, leases(None))
        columns = ["pk", "network", "name", "vlan_id"]
        columns += ["vrf__name"] * shows_vrfs
        rows = asked.chosen.narrow(Subnet.objects.all()).order_by("network").values(*columns)
        found = {row["pk"]: row for row in rows}
        # Those created since the tree was read come with the next look.
        self.rows: dict[int, dict[str, Any]] = found
        for key in found.keys() - self.tree.nodes.keys():
            del found[key]
        self.is_large = len(self.rows) > ALL_OPEN

    def parents(self) -> set[int]:
        """The subnets that have others inside."""
        around = {node.key for node in self.tree.nodes.values() if node.children}
        return around & self.rows.keys()

    def nearly_full(self) -> int:
        """How many subnets of which little is left."""
        return sum(map(self._is_full, self.rows))

    def _is_full(self, key: int) -> bool:
        usage = self.usages[key]
        return max(usage.static.percent, usage.dhcp.percent) > marks.FULL

    def lines(self) -> Iterator[Line]:
        if self.asked.by_left:
            yield from map(self._line, self._by_left())
            return
        for place in sorted(self.tree.places, key=_place_order):
            for node in filterfalse(attrgetter("parent"), self.tree.places[place]):
                yield from self._branch(node, 0)

    def _by_left(self) -> list[Node]:
        """Those without subnets inside, those with the least left first."""
        leaves = map(self.tree.nodes.__getitem__, self.rows.keys() - self.parents())
        return sorted(leaves, key=lambda node: _free(self.usages[node.key]))

    def _branch(self, node: Node, depth: int) -> Iterator[Line]:
        """The subnet, and unless it is folded all inside it."""
        if node.key not in self.rows:  # what is inside may be of the site that is chosen
            for child in node.children:
                yield from self._branch(child, depth)
            return
        line = self._line(node, depth)
        yield line
        if line.is_open and node.children:
            yield from self._inside(node, depth + 1)

    def _inside(self, node: Node, depth: int) -> Iterator[Line]:
        gaps = self._gaps(node)
        for child in node.children:
            if gaps and gaps[0].first < child.first:
                yield Line(depth, gap=gaps.pop(0))
            yield from self._branch(child, depth)
        for gap in gaps:
            yield Line(depth, gap=gap)

    def _gaps(self, node: Node) -> list[Gap]:
        """The gaps between its subnets, of which each child has one before it at most."""
        if not self.asked.gaps:
            return []
        network = self.rows[node.key]["network"]
        return list(gaps_between(network, node.child_spans(), node.vrf))

    def _line(self, node: Node, depth: int = 0) -> Line:
        usage = self.usages[node.key]
        static, dhcp = usage.static, usage.dhcp
        is_open = self._is_open(node)
        return Line(
            depth,
            self.rows[node.key],
            url=page("network", node.key),
            static=_bar(static, "static"),
            static_text=_used(static),
            dhcp=_bar(dhcp, "dhcp"),
            dhcp_text=_used(dhcp),
            left=marks.count(_free(usage)),
            is_full=self._is_full(node.key),
            inside=len(node.children),
            is_open=is_open,
            fold_url=self._fold_url(node, is_open),
        )

    def _fold_url(self, node: Node, is_open: bool) -> str:
        if not node.children:
            return ""
        return self.asked.toggled(node.key, is_open)

    def _is_open(self, node: Node) -> bool:
        if node.key in self.asked.folded:
            return False
        is_open = not self.is_large if self.asked.every is None else self.asked.every
        return is_open or node.key in self.asked.opened


def _place_order(place: tuple[int | None, int]) -> tuple[int, int]:
    vrf, version = place
    return vrf or 0, version


def _free(usage: Usage) -> int:
    return usage.static.free + usage.dhcp.free


def _bar(share: Share, kind: str) -> SafeString | str:
    if not share.total:
        return ""
    return draw.bar(share, kind, _used(share))


def _used(share: Share) -> str:
    if not share.total:
        return ""
    return f"{marks.count(share.used)} / {marks.count(share.total)}"
