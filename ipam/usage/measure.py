"""Measure how full subnets and pools are, against what can be handed out.

There are two figures: static addresses, which `allocate` hands out, and DHCP addresses, which
dnsmasq hands out. An address is used while a live row or an active DHCP lease has it. The number of
queries is the same for one subnet and for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.db.models.lookups import IsNull

from core.database import prepared
from ipam import addresses, ranges
from ipam.models import IPAddress, Pool, Sighting, Subnet
from ipam.querysets import inside, keys_of
from ipam.sql import cached_counts
from ipam.usage import tree as trees
from ipam.usage.tree import Node, Packed, Place, Scope, Tree, unpack


@dataclass(frozen=True, slots=True)
class Share:
    """So many of the addresses that can be handed out are in use."""

    total: int = 0
    used: int = 0

    @property
    def free(self) -> int:
        return max(0, self.total - self.used)

    @property
    def percent(self) -> float:
        """Used against total, 0 to 100; 0 where there is nothing to hand out."""
        if not self.total:
            return 0.0
        return 100 * min(self.used, self.total) / self.total

    @property
    def left(self) -> float:
        """The free part, 1 to 0; 1 where there is nothing to hand out."""
        if not self.total:
            return 1.0
        return self.free / self.total


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a subnet is. `static` and `dhcp` include all subnets below; the other figures are
    about its own addresses only."""

    static: Share
    dhcp: Share
    own_static: Share
    own_dhcp: Share
    usable: int  # addresses that machines may have; the gateway is one of them once it has a row
    allocated: int
    reserved: int
    quarantine: int

    @property
    def live(self) -> int:
        """Own addresses that have a live row."""
        return self.allocated + self.reserved + self.quarantine

    @property
    def available(self) -> int:
        """Own addresses that `allocate` could hand out, those without a row included."""
        return self.own_static.free

    @property
    def percent(self) -> float:
        """Live addresses against usable ones, 0 to 100."""
        if not self.usable:
            return 0.0
        return 100 * self.live / self.usable


class Lease(NamedTuple):
    """An address that somebody has leased and that has no live row."""

    place: Place
    address: int


@dataclass
class Leased:
    """How many addresses are leased, by the key of a subnet."""

    static: Counter[int] = field(default_factory=Counter)
    dhcp: Counter[int] = field(default_factory=Counter)
    own_static: Counter[int] = field(default_factory=Counter)
    own_dhcp: Counter[int] = field(default_factory=Counter)

    def add(self, node: Node, address: int) -> None:
        """Count a leased address of this subnet, unless nobody could be given it."""
        if ranges.covers(node.static, address):
            own, whole = self.own_static, self.static
        elif ranges.covers(node.dhcp, address):
            own, whole = self.own_dhcp, self.dhcp
        else:
            return
        own[node.key] += 1
        for around in node.ancestors():
            whole[around.key] += 1


# --- subnets --------------------------------------------------------------------------------------


def usage(subnets: Sequence[Subnet]) -> dict[int, Usage]:
    """The usage of these subnets, by key. Four queries at most."""
    if not subnets:
        return {}
    scope = _scope(subnets)
    tree = ledger_tree(scope)
    leased = _assign(tree, leases(scope))
    return {subnet.pk: _usage_of(tree, leased, subnet.pk) for subnet in subnets}


def usage_of_all() -> dict[int, Usage]:
    """The usage of every subnet, by key. Four queries at most."""
    return usages_in(whole_tree(), leases(None))


def usage_in(tree: Tree, key: int, found: Iterable[Lease]) -> Usage:
    """The usage of one subnet of a tree, given the leases inside its network."""
    return _usage_of(tree, _assign(tree, found), key)


def usages_in(tree: Tree, found: Iterable[Lease]) -> dict[int, Usage]:
    """The usage of every subnet of a tree, by key, given the leases inside its networks."""
    leased = _assign(tree, found)
    return {key: _usage_of(tree, leased, key) for key in tree.nodes}


def whole_tree() -> Tree:
    """The tree of all subnets; remembered until the ledger changes."""
    return cached_counts.remembered(WHOLE, trees.load)


def static_rows(subnet: Subnet) -> Share:
    """How many of the subnet's own static addresses have a live row, whatever is leased."""
    node = ledger_tree([subnet.network]).nodes[subnet.pk]
    return Share(node.own.static_total, node.own.static_used)


WHOLE = "usage tree"
_seen: dict[str, int] = {}  # the ledger's state when a part of it was measured last


def ledger_tree(scope: Scope) -> Tree:
    """A tree with these networks. While the ledger changes all the time, only a part of it is read;
    once it has stood still for two questions, all of it is read and remembered."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        return trees.load(scope)
    state = prepared.rows(cached_counts.NOW)[0][0]
    tree = cached_counts.known(WHOLE, state)
    if tree is None and _seen.get(WHOLE) == state:
        _seen.clear()
        return cached_counts.remembered(WHOLE, trees.load, state)
    _seen[WHOLE] = state
    return tree or trees.load(scope)


def _scope(subnets: Iterable[Subnet]) -> Scope:
    """The networks of the subnets, without those inside others."""
    networks = sorted(set(map(attrgetter("network"), subnets)), key=_tree_order)
    return addresses.outermost(networks, key=lambda network: network)


def _tree_order(network: addresses.Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _usage_of(tree: Tree, leased: Leased, key: int) -> Usage:
    node = tree.nodes.get(key)
    if node is None:  # created since the tree was read
        node = Node(key, None, 4, 0, 32, None)
    own, whole, statuses = node.own, node.whole, node.statuses
    return Usage(
        static=Share(whole.static_total, whole.static_used + leased.static[key]),
        dhcp=Share(whole.dhcp_total, whole.dhcp_used + leased.dhcp[key]),
        own_static=Share(own.static_total, own.static_used + leased.own_static[key]),
        own_dhcp=Share(own.dhcp_total, own.dhcp_used + leased.own_dhcp[key]),
        usable=node.usable,
        allocated=statuses["allocated"],
        reserved=statuses["reserved"],
        quarantine=statuses["quarantine"],
    )


# --- leases ---------------------------------------------------------------------------------------


def leases(scope: Scope) -> list[Lease]:
    """The addresses in these networks that somebody has leased and that have no live row."""
    # NULL equals nothing in SQL.
    here = Q(vrf=OuterRef("vrf")) | Q(IsNull(OuterRef("vrf"), True), vrf=None)
    held = IPAddress.objects.filter(here, ip_address=OuterRef("ip_address")).live()
    rows = Sighting.objects.filter(~Exists(held), source="lease", leased_until__gt=Now())
    if scope is not None:
        rows = rows.filter(inside("ip_address", scope))
    found = set()
    for vrf, packed in rows.order_by().values_list("vrf", Packed("ip_address")):
        version, address, _length = unpack(packed)
        found.add(Lease((vrf, version), address))
    return list(found)


def _assign(tree: Tree, found: Iterable[Lease]) -> Leased:
    leased = Leased()
    for lease in found:
        if node := tree.containing(*lease):
            leased.add(node, lease.address)
    return leased


# --- pools ----------------------------------------------------------------------------------------


def pool_usage(pools: Sequence[Pool]) -> dict[int, Share]:
    """The usage of these pools, by key. Load the subnets with the pools. Six queries at most."""
    if not pools:
        return {}
    chosen = Pool.objects.filter(pk__in=keys_of(pools))
    return _pool_shares(chosen, _scope(map(attrgetter("subnet"), pools)))


def usage_of_all_pools() -> dict[int, Share]:
    """The usage of every pool, by key. Six queries at most."""
    return _pool_shares(Pool.objects.all(), None)


def _pool_shares(pools: Any, scope: Scope) -> dict[int, Share]:
    tree = whole_tree() if scope is None else ledger_tree(scope)
    used = _live_by_pool(pools)
    leased = _leased_by_subnet(tree, leases(scope))
    shares = {}
    for key, subnet, kind, low, high in pools.order_by().values_list(
        "pk", "subnet", "kind", Packed("first"), Packed("last")
    ):
        if not (node := tree.nodes.get(subnet)):
            continue  # created since the tree was read
        first, last = unpack(low)[1], unpack(high)[1]
        given_out = [(first, last)]
        if kind == Pool.Kind.STATIC:
            given_out = ranges.clipped(node.static, first, last)
        used[key] += ranges.count(leased.get(subnet, ()), given_out)
        shares[key] = Share(ranges.size(given_out), used[key])
    return shares


def _live_by_pool(pools: Any) -> Counter[int]:
    """How many live rows lie in each pool, without gateways."""
    rows = IPAddress.objects.filter(
        subnet__pools__in=pools.order_by(),
        subnet__pools__first__lte=F("ip_address"),
        subnet__pools__last__gte=F("ip_address"),
    )
    rows = rows.live().exclude(ip_address=F("subnet__gateway"))
    return Counter(dict(rows.order_by().values_list("subnet__pools").annotate(Count("pk"))))


def _leased_by_subnet(tree: Tree, found: Iterable[Lease]) -> dict[int, list[int]]:
    """Leased addresses in order, by the key of their subnet."""
    by_subnet: dict[int, list[int]] = {}
    for lease in sorted(found, key=lambda lease: lease.address):
        if node := tree.containing(*lease):
            by_subnet.setdefault(node.key, []).append(lease.address)
    return by_subnet
