"""Move the machines of a subnet into another one, with their reservations, notes and VMs.

What cannot move stays, and says why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, filterfalse, repeat, starmap
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, Reason
from ipam import addresses, ranges
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server, Sighting, Subnet
from ipam.placement import address_rows
from ipam.placement.index import PlacementIndex
from ipam.placement.place import free
from ipam.placement.pool_rows import never_allocated
from ipam.querysets import lock_ledger, used_by_others
from ipam.signals import changed

MOST = 4096  # addresses at once
_AT_ONCE = 500  # keys of one statement
_OWN = (
    *("status", "hostname", "mac_address", "platform", "manufacturer", "description"),
    "vm_id",
)


@dataclass(frozen=True)
class Choices:
    """Whether a machine keeps its place in the network or gets the next free address, and which of
    the addresses move: all, or those from the first to the last."""

    keeps_place: bool = True
    first: Address | None = None
    last: Address | None = None


@dataclass(frozen=True)
class Move:
    """An address in use, and the one that its holder gets; or why it stays."""

    row: IPAddress
    what: str  # who holds it
    new: Address | None = None
    refusal: str = ""

    @property
    def has_note(self) -> bool:
        """Whether its server has taken the address from a reservation."""
        return self.row.reservation is not None


_NEW = attrgetter("new")


def renumber(source: Subnet, target: Subnet, choices: Choices) -> list[Move]:
    """Move what can be moved, in one transaction. Return all of them. Raises Invalid, Conflict;
    ValidationError, which names what is in the way."""
    with transaction.atomic():
        lock_ledger()
        moves = plan(source, target, choices)
        moving = list(filter(_NEW, moves))
        if not moving:
            text = _("Nothing of %(source)s can be moved into %(target)s.")
            names = {"source": source, "target": target}
            reasons = "; ".join(map(attrgetter("refusal"), moves[:3]))
            raise Conflict(Reason(text % names, source, target), reasons)
        _carry_out(target, moving)
        return moves


# --- the plan -------------------------------------------------------------------------------------


def plan(source: Subnet, target: Subnet, choices: Choices) -> list[Move]:
    """What would move, in the order of the addresses. The number of queries is always the same.
    Raises Invalid."""
    _check(source, target)
    first = choices.first or source.network[0]
    last = choices.last or source.network[-1]
    rows = IPAddress.objects.filter(subnet=source).between(first, last).live()
    found = list(rows.select_related("server").order_by("ip_address")[: MOST + 1])
    if len(found) > MOST:
        text = _("These are more than %d addresses.") % MOST
        raise Invalid(Reason(text), _("Choose a smaller range; move the others afterwards."))
    ground = _Ground(target)
    choose = _by_place(source, ground) if choices.keeps_place else _next_free(ground)
    moves = []
    for row in found:
        new, refusal = None, _stays(source, row)
        if not refusal:
            new, refusal = choose(row)
        moves.append(Move(row, row.holder, new, refusal))
    return moves


def _check(source: Subnet, target: Subnet) -> None:
    if source.pk == target.pk:
        raise Invalid(Reason(_("Choose another subnet than %s.") % source, source))
    if source.vrf_id != target.vrf_id or source.network.version != target.network.version:
        text = _("%(target)s is of another VRF or another IP version than %(source)s.")
        raise Invalid(Reason(text % {"source": source, "target": target}, source, target))


def _stays(source: Subnet, row: IPAddress) -> str:
    if row.status == "quarantine":
        return _("in quarantine, which is about the address itself")
    if row.ip_address == source.gateway:
        return _("the gateway of %s") % source.network
    return ""


class _Ground:
    """What the target has room for. Four queries."""

    def __init__(self, target: Subnet) -> None:
        self.target, network = target, target.network
        self.first, self.last = ranges.span_of(network)
        self.never = set(never_allocated(target))
        self.children = ranges.merged(ranges.span_of(child.network) for child in target.children)
        self.pools: dict[str, list[ranges.Span]] = {"static": [], "dhcp": []}
        for pool in target.pools.order_by("first"):
            self.pools[pool.kind].append(ranges.span(pool.first, pool.last))
        live = IPAddress.objects.filter(vrf=target.vrf_id).within(network).live()
        self.held = set(live.values_list("ip_address", flat=True))
        seen = Sighting.objects.filter(used_by_others(), vrf=target.vrf_id)
        inside = seen.filter(ip_address__range=(network[0], network[-1]))
        self.used: dict[Address, set[str | None]] = defaultdict(set)
        for address, mac in inside.values_list("ip_address", "mac_address"):
            self.used[address].add(mac)

    def refusal(self, address: Address, row: IPAddress) -> str:
        """Why the holder of the row cannot have the address; empty if it can."""
        for is_so, text in _REFUSALS:
            if is_so(self, address, row):
                return text() % {"address": address, "network": self.target.network}
        return ""

    def free(self) -> Iterator[Address]:
        """What can be handed out, upwards."""
        network = self.target.network
        hosts = ranges.host_span(network.version, self.first, network.prefixlen)
        gateway = int(self.target.gateway) if self.target.gateway else None
        pools = self.pools["static"], self.pools["dhcp"]
        address = type(network.network_address)
        spans = ranges.static_ranges(hosts, gateway, *pools, self.children)
        numbers = chain.from_iterable(starmap(_numbers, spans))
        return filterfalse({*self.held, *self.used}.__contains__, map(address, numbers))

    # --- reasons

    def is_no_host(self, address: Address, row: IPAddress) -> bool:
        return address in self.never or not addresses.is_host(self.target.network, address)

    def is_in_child(self, address: Address, row: IPAddress) -> bool:
        return ranges.covers(self.children, int(address))

    def is_held(self, address: Address, row: IPAddress) -> bool:
        return address in self.held

    def is_dhcps(self, address: Address, row: IPAddress) -> bool:
        """dnsmasq keeps an address of its pools only for a server's MAC address."""
        is_kept = bool(row.server_id and row.mac_address)
        return not is_kept and ranges.covers(self.pools["dhcp"], int(address))

    def is_used(self, address: Address, row: IPAddress) -> bool:
        return address in self.used and self.used[address] != {row.mac_address}


_REFUSALS: Sequence[tuple[Callable[[_Ground, Address, IPAddress], bool], Callable[[], str]]] = (
    (
        _Ground.is_no_host,
        lambda: _("%(address)s is the gateway, the network or the broadcast address"),
    ),
    (_Ground.is_in_child, lambda: _("%(address)s lies in a subnet inside %(network)s")),
    (_Ground.is_held, lambda: _("%(address)s has a holder already")),
    (_Ground.is_dhcps, lambda: _("%(address)s lies in a DHCP pool")),
    (_Ground.is_used, lambda: _("another machine uses %(address)s, as the network shows")),
)


def _numbers(first: int, last: int) -> range:
    return range(first, last + 1)


Chosen = tuple[Address | None, str]  # the new address, or why there is none


def _by_place(source: Subnet, ground: _Ground) -> Callable[[IPAddress], Chosen]:
    """The same place in the other network."""
    offset = ground.first - int(source.network[0])
    address: Any = type(source.network[0])

    def choose(row: IPAddress) -> Chosen:
        number = int(row.ip_address) + offset
        if number > ground.last:
            return None, _("its place lies outside %s") % ground.target.network
        refusal = ground.refusal(address(number), row)
        return None if refusal else address(number), refusal

    return choose


def _next_free(ground: _Ground) -> Callable[[IPAddress], Chosen]:
    none_left = None, _("no free address is left in %s") % ground.target.network
    chosen = zip(ground.free(), repeat(""))
    return lambda _row: next(chosen, none_left)


# --- doing it -------------------------------------------------------------------------------------


def _carry_out(target: Subnet, moves: Sequence[Move]) -> None:
    is_servers = attrgetter("row.server_id")
    of_servers, own = list(filter(is_servers, moves)), list(filterfalse(is_servers, moves))
    vms = dict(map(attrgetter("new", "row.vm_id"), filter(attrgetter("row.vm_id"), of_servers)))
    noted = list(filter(attrgetter("has_note"), of_servers))
    notes = dict(zip(map(_NEW, noted), map(_reserved, noted), strict=True))
    _take_vms(list(filter(attrgetter("vm_id"), map(attrgetter("row"), of_servers))))
    _move_rows(target, own)
    _write_rows(target, notes)
    _move_servers(of_servers)
    free(list(_rows_at(target, map(attrgetter("row.ip_address"), noted)).values()))
    _give_vms(target, vms)


def _reserved(move: Move) -> dict[str, Any]:
    """The reservation that the server has taken, as it stood before."""
    return {"status": "reserved", "description": move.row.reservation}


def _own(move: Move) -> dict[str, Any]:
    """What an allocation or a reservation says of itself."""
    return dict(zip(_OWN, attrgetter(*_OWN)(move.row), strict=True))


def _move_rows(target: Subnet, moves: Sequence[Move]) -> None:
    """Allocations and reservations move as they stand."""
    said = dict(zip(map(_NEW, moves), map(_own, moves), strict=True))
    former = list(map(attrgetter("row"), moves))
    _tell(former)
    free(former)
    _tell(_write_rows(target, said))


def _tell(rows: Sequence[IPAddress]) -> None:
    """Whoever serves allocations hears of these."""
    changed.send(IPAddress, instances=list(filter(attrgetter("is_dhcp_allocation"), rows)))


def _write_rows(target: Subnet, said: Mapping[Any, Mapping[str, Any]]) -> list[IPAddress]:
    """Let the rows of these addresses say this, rows that are not there yet included."""
    written = _rows_at(target, said)
    for address in said.keys() - written.keys():
        written[address] = IPAddress(vrf_id=target.vrf_id, ip_address=address)
    index = PlacementIndex.of(list(zip(repeat(target.vrf_id), said, strict=False)))
    for address, row in written.items():
        is_static = index.is_static((target.vrf_id, address))
        row.subnet, row.freed_at, row.ip_type = target, None, ("dhcp", "static")[is_static]
        vars(row).update(said[address])
    rows = list(written.values())
    there = list(filter(attrgetter("pk"), rows))
    address_rows.create(list(filterfalse(attrgetter("pk"), rows)))
    address_rows.update(there)
    return rows


def _rows_at(target: Subnet, wanted: Iterable[Any]) -> dict[Any, IPAddress]:
    """The rows of these addresses, locked: an allocation takes one without the ledger's lock."""
    rows = IPAddress.objects.filter(vrf=target.vrf_id).order_by("pk")
    found = list(_among(rows.select_for_update(of=("self",)), "ip_address", wanted))
    return dict(zip(map(attrgetter("ip_address"), found), found, strict=True))


def _among(rows: QuerySet[Any], column: str, keys: Iterable[Any]) -> Iterator[Any]:
    """The rows whose column has one of the keys, some hundred at once."""
    wanted = list(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        yield from rows.filter(**{f"{column}__in": wanted[start : start + _AT_ONCE]})


def _move_servers(moves: Sequence[Move]) -> None:
    """Servers and their interfaces; their rows follow from them."""
    new = dict(map(attrgetter("row.ip_address", "new"), moves))
    keys = set(map(attrgetter("row.server_id"), moves))
    _readdress(Server, _among(Server.objects.order_by("pk"), "pk", keys), new)
    _readdress(Interface, _among(Interface.objects.order_by("pk"), "server", keys), new)


def _readdress(model: Any, rows: Iterable[Any], new: Mapping[Any, Any]) -> None:
    moved = []
    for row in rows:
        if row.ip_address in new:
            row.ip_address = new[row.ip_address]
            moved.append(row)
    model.objects.bulk_update(moved, ["ip_address"])


def _take_vms(rows: Sequence[IPAddress]) -> None:
    """A VM has one address: it leaves the old one before it gets the new one."""
    for row in rows:
        row.vm_id = None
    address_rows.update(rows, ["vm_id"])


def _give_vms(target: Subnet, vms: Mapping[Any, str | None]) -> None:
    rows = _rows_at(target, vms)
    for address, row in rows.items():
        row.vm_id = vms[address]
    address_rows.update(list(rows.values()), ["vm_id"])
