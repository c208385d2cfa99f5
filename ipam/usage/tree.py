"""The subnets of the ledger, or of a part of it, as a tree of plain numbers: how many addresses
each can hand out, and how many of these its rows hold.

Three queries build it, whatever the number of subnets. Nothing of it is stored: parents and
children follow from the networks, and their figures from those below."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.db.models import BinaryField, Count, F, Func, Q

from ipam import ranges
from ipam.addresses import Network
from ipam.models import IPAddress, Pool, Subnet
from ipam.querysets import either, network_inside
from ipam.ranges import Span

Scope = Sequence[Network] | None  # the networks that matter; None: all
Place = tuple[int | None, int]  # a VRF and an IP version: addresses that have an order


class Packed(Func):
    """An address or network as bytes, which take a tenth of the time of an object to read."""

    output_field = BinaryField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="inet_send", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", **context)


def unpack(data: bytes) -> tuple[int, int, int]:
    """IP version, address and prefix length of `Packed` bytes. SQLite's are those of
    `ipam.fields.pack`; PostgreSQL sends family, length, two more bytes, and the address."""
    if len(data) == 8:
        return 4, int.from_bytes(data[4:]), data[1]
    if len(data) == 20:
        return 6, int.from_bytes(data[4:]), data[1]
    return data[0], int.from_bytes(data[1:17]), data[-1]


@dataclass(slots=True)
class Figures:
    """Addresses to hand out, and those of them in use, by us and by DHCP."""

    static_total: int = 0
    static_used: int = 0
    dhcp_total: int = 0
    dhcp_used: int = 0

    def add(self, other: Figures) -> None:
        self.static_total += other.static_total
        self.static_used += other.static_used
        self.dhcp_total += other.dhcp_total
        self.dhcp_used += other.dhcp_used


@dataclass(slots=True, eq=False)
class Node:
    """A subnet in the tree."""

    key: int
    vrf: int | None
    version: int
    first: int
    length: int
    gateway: int | None
    last: int = 0
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    static_pools: list[Span] = field(default_factory=list)
    dhcp_pools: list[Span] = field(default_factory=list)
    static: list[Span] = field(default_factory=list)  # what we can hand out, in order
    dhcp: list[Span] = field(default_factory=list)  # what dnsmasq can
    usable: int = 0  # addresses that machines may have
    statuses: Counter[str] = field(default_factory=Counter)  # live rows
    own: Figures = field(default_factory=Figures)
    whole: Figures = field(default_factory=Figures)  # with those of all subnets below

    def child_spans(self) -> list[Span]:
        return [(child.first, child.last) for child in self.children]

    def holds(self, other: Node) -> bool:
        """Whether the other subnet, which comes later in tree order, lies inside."""
        return other.last <= self.last

    def ancestors(self) -> Iterator[Node]:
        """The node itself and every subnet around it."""
        node: Node | None = self
        while node:
            yield node
            node = node.parent


class Tree:
    """Nodes by their key, and in tree order for each VRF and version."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.places: dict[Place, list[Node]] = defaultdict(list)
        for node in sorted(nodes, key=lambda node: (node.first, node.length)):
            self.places[node.vrf, node.version].append(node)
        self.nodes: dict[int, Node] = {}
        self._firsts: dict[Place, list[int]] = {}
        for place, ordered in self.places.items():
            _connect(ordered)
            self._firsts[place] = list(map(attrgetter("first"), ordered))
            self.nodes.update(zip(map(attrgetter("key"), ordered), ordered, strict=True))

    def containing(self, place: Place, address: int) -> Node | None:
        """The most specific subnet of an address."""
        index = bisect_right(self._firsts.get(place, ()), address)
        node = self.places[place][index - 1] if index else None
        while node and node.last < address:
            node = node.parent
        return node


def load(scope: Scope = None) -> Tree:
    """The subnets inside these networks; what lies around them is not needed for their figures."""
    tree = Tree(_nodes(scope))
    gateways = _read_statuses(tree, scope)
    reserved = _read_reservations(tree, scope)
    for ordered in tree.places.values():
        for node in reversed(ordered):
            _work_out(node, gateways[node.key], reserved[node.key])
    return tree


def network_scope(scope: Scope, path: str = "") -> Q:
    """The condition for subnets inside the scope; `path` leads to the subnet."""
    if scope is None:
        return Q()
    return either(network_inside(network, path) for network in scope)


def _nodes(scope: Scope) -> Iterable[Node]:
    """The subnets with their pools, in one query."""
    rows = Subnet.objects.filter(network_scope(scope)).order_by("pk", "pools__first")
    columns = map(Packed, ("network", "gateway", "pools__first", "pools__last"))
    nodes: dict[int, Node] = {}
    for key, vrf, kind, network, gateway, first, last in rows.values_list(
        "pk", "vrf", "pools__kind", *columns
    ):
        if key not in nodes:
            router = None if gateway is None else unpack(gateway)[1]
            nodes[key] = Node(key, vrf, *unpack(network), router)
        if kind:
            node = nodes[key]
            spans = node.static_pools if kind == Pool.Kind.STATIC else node.dhcp_pools
            spans.append((unpack(first)[1], unpack(last)[1]))
    return nodes.values()


def _connect(ordered: Sequence[Node]) -> None:
    """Parents and children, from the tree order of one VRF."""
    above: list[Node] = []
    for node in ordered:
        _first, node.last = ranges.network_span(node.version, node.first, node.length)
        while above and not above[-1].holds(node):
            above.pop()
        if above:
            node.parent = above[-1]
            node.parent.children.append(node)
        above.append(node)


def _read_statuses(tree: Tree, scope: Scope) -> Counter[int]:
    """Live rows by subnet and status; returned is how many of each subnet are its gateway's."""
    gateways: Counter[int] = Counter()
    rows = IPAddress.objects.filter(network_scope(scope, "subnet__")).live().order_by()
    rows = rows.exclude(subnet=None).annotate(gateway=Q(ip_address=F("subnet__gateway")))
    for subnet, status, is_gateway, ip_type, number in rows.values_list(
        "subnet", "status", "gateway", "ip_type"
    ).annotate(Count("pk")):
        if not (node := tree.nodes.get(subnet)):
            continue
        node.statuses[status] += number
        if is_gateway:
            gateways[subnet] += number
        elif ip_type == "static":
            node.own.static_used += number
    return gateways


def _read_reservations(tree: Tree, scope: Scope) -> Counter[int]:
    """How many live rows each subnet has inside its DHCP pools."""
    if not any(map(attrgetter("dhcp_pools"), tree.nodes.values())):
        return Counter()
    rows = IPAddress.objects.filter(
        network_scope(scope, "subnet__"),
        subnet__pools__kind=Pool.Kind.DHCP,
        subnet__pools__first__lte=F("ip_address"),
        subnet__pools__last__gte=F("ip_address"),
    )
    return Counter(dict(rows.live().order_by().values_list("subnet").annotate(Count("pk"))))


def _work_out(node: Node, gateways: int, reserved: int) -> None:
    """A node's figures, once those of its children are there."""
    hosts = ranges.host_span(node.version, node.first, node.length)
    children = node.child_spans()
    node.static = ranges.static_ranges(
        hosts, node.gateway, node.static_pools, node.dhcp_pools, children
    )
    node.usable = ranges.size(ranges.static_ranges(hosts, node.gateway, (), (), children))
    node.usable += gateways
    own = node.own
    own.static_total = ranges.size(node.static)
    node.dhcp = ranges.merged(node.dhcp_pools)
    own.dhcp_total = ranges.size(node.dhcp)
    own.dhcp_used = reserved
    if not node.static_pools:
        own.static_used = node.statuses.total() - gateways - reserved
    node.whole.add(own)
    for child in node.children:
        node.whole.add(child.whole)
