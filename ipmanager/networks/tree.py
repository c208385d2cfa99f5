"""All subnets as a tree with the gaps between them, or sorted by what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ipam.addresses import parse_network
from ipam.admin import marks
from ipam.models import VRF, Subnet
from ipam.usage import Share, Usage
from ipam.usage.measure import usage_of_all, whole_tree
from ipam.usage.tree import Node, Tree
from ipmanager.networks import draw
from ipmanager.networks.access import Sees
from ipmanager.networks.gaps import Gap, gaps_between

ALL_OPEN = 60  # subnets; of more, only the outermost are shown at first
SORTS = ("address", "left")


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
    left: str = ""
    is_full: bool = False
    inside: int = 0  # subnets below
    is_open: bool = True
    fold_url: str = ""


@dataclass
class Asked:
    """How the tree is to be shown."""

    sort: str = "address"
    gaps: bool = True
    vrf: str = ""
    folded: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        given = request.GET
        sort = given.get("sort", "")
        return cls(
            sort=sort if sort in SORTS else "address",
            gaps=given.get("gaps") != "0",
            vrf=given.get("vrf", "")[:18],
            folded=_keys(given.get("folded", "")),
            opened=_keys(given.get("open", "")),
        )

    def url(self, **changed: Any) -> str:
        """The page with something else asked for."""
        values = {
            "sort": self.sort if self.sort != "address" else "",
            "gaps": "" if self.gaps else "0",
            "vrf": self.vrf,
            "folded": _text(self.folded),
            "open": _text(self.opened),
            **changed,
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{reverse('admin:networks')}?{query}"

    def toggled(self, key: int, is_open: bool) -> str:
        """The page with one subnet folded or opened."""
        if is_open:
            changed = {"folded": _text(self.folded | {key}), "open": _text(self.opened - {key})}
        else:
            changed = {"folded": _text(self.folded - {key}), "open": _text(self.opened | {key})}
        return f"{self.url(**changed)}#net-{key}"


def _keys(text: str) -> set[int]:
    parts = text[:4000].split(",")
    return {int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 19}


def _text(keys: set[int]) -> str:
    return ",".join(map(str, sorted(keys)))


def context(request: HttpRequest) -> dict[str, Any]:
    """What the template needs. The number of queries does not depend on the ledger."""
    asked, sees = Asked.of(request), Sees.of(request)
    vrfs = list(VRF.objects.order_by("name")) if sees.vrfs else []
    listing = Listing(asked, shows_vrfs=sees.vrfs)
    lines = list(listing.lines())
    return {
        "asked": asked,
        "lines": lines,
        "count": len(listing.rows),
        "nearly_full": listing.nearly_full(),
        "vrf_choices": _vrf_choices(asked, vrfs),
        "sort_urls": {name: asked.url(sort=name) for name in SORTS},
        "gaps_url": asked.url(gaps="0" if asked.gaps else ""),
        "fold_all_url": asked.url(folded=_text(listing.parents()), open=""),
        "open_all_url": asked.url(folded="", open=_text(listing.parents())),
        "list_url": reverse("admin:ipam_subnet_changelist"),
        "add_url": reverse("admin:ipam_subnet_add"),
    }


def _vrf_choices(asked: Asked, vrfs: Sequence[VRF]) -> list[dict[str, Any]]:
    if not vrfs:
        return []
    names = [("", _("All")), ("none", _("Global")), *((str(vrf.pk), vrf.name) for vrf in vrfs)]
    choices = []
    for value, label in names:
        url = asked.url(vrf=value)
        choices.append({"url": url, "label": label, "is_chosen": asked.vrf == value})
    return choices


class Listing:
    """The subnets with their figures, and how they become lines."""

    def __init__(self, asked: Asked, *, shows_vrfs: bool) -> None:
        self.asked = asked
        self.tree: Tree = whole_tree()
        self.usages: Mapping[int, Usage] = usage_of_all()
        columns = ["pk", "network", "name", "vlan_id"]
        columns += ["vrf__name"] * shows_vrfs
        rows = _narrowed(asked.vrf).order_by("network").values(*columns)
        self.rows: dict[int, dict[str, Any]] = {row["pk"]: row for row in rows}
        self.is_large = len(self.rows) > ALL_OPEN

    def parents(self) -> set[int]:
        """The subnets that have others inside."""
        return {key for key, node in self.tree.nodes.items() if node.children and key in self.rows}

    def nearly_full(self) -> int:
        """How many subnets of which little is left."""
        shares = (self.usages[key].static for key in self.rows if key in self.usages)
        return sum(share.percent > marks.FULL for share in shares)

    def lines(self) -> Iterator[Line]:
        if self.asked.sort == "left":
            yield from self._by_left()
            return
        for place in sorted(self.tree.places, key=_place_order):
            for node in self.tree.places[place]:
                if node.parent is None:
                    yield from self._branch(node, 0)

    def _by_left(self) -> Iterator[Line]:
        """Those without subnets inside, those with the least left first."""
        leaves = [node for node in self.tree.nodes.values() if not node.children]
        shown = [node for node in leaves if node.key in self.rows and node.key in self.usages]
        for node in sorted(shown, key=lambda node: _free(self.usages[node.key])):
            yield self._line(node, 0)

    def _branch(self, node: Node, depth: int) -> Iterator[Line]:
        """The subnet, and unless it is folded all inside it."""
        if node.key not in self.rows:
            return
        line = self._line(node, depth)
        yield line
        if line.is_open and node.children:
            yield from self._inside(node, depth + 1)

    def _inside(self, node: Node, depth: int) -> Iterator[Line]:
        gaps = self._gaps(node)
        for child in node.children:
            while gaps and gaps[0].first < child.first:
                yield Line(depth, gap=gaps.pop(0))
            yield from self._branch(child, depth)
        for gap in gaps:
            yield Line(depth, gap=gap)

    def _gaps(self, node: Node) -> list[Gap]:
        if not self.asked.gaps:
            return []
        network = parse_network(self.rows[node.key]["network"])
        return list(gaps_between(network, node.child_spans(), node.vrf))

    def _line(self, node: Node, depth: int) -> Line:
        usage = self.usages.get(node.key)
        if usage is None:
            return Line(depth, self.rows[node.key], url=_url(node))
        static, dhcp = usage.static, usage.dhcp
        is_open = self._is_open(node)
        return Line(
            depth,
            self.rows[node.key],
            url=_url(node),
            static=_bar(static, "static"),
            static_text=_used(static),
            dhcp=_bar(dhcp, "dhcp"),
            dhcp_text=_used(dhcp),
            left=marks.count(_free(usage)),
            is_full=max(static.percent, dhcp.percent) > marks.FULL,
            inside=len(node.children),
            is_open=is_open,
            fold_url=self.asked.toggled(node.key, is_open) if node.children else "",
        )

    def _is_open(self, node: Node) -> bool:
        if node.key in self.asked.folded:
            return False
        return not self.is_large or node.key in self.asked.opened


def _narrowed(vrf: str) -> Any:
    """The subnets of one VRF, or of all."""
    rows = Subnet.objects.all()
    if vrf == "none":
        return rows.filter(vrf=None)
    if vrf.isascii() and vrf.isdigit():
        return rows.filter(vrf=int(vrf))
    return rows


def _place_order(place: tuple[int | None, int]) -> tuple[int, int]:
    vrf, version = place
    return vrf or 0, version


def _url(node: Node) -> str:
    return reverse("admin:network", args=[node.key])


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
