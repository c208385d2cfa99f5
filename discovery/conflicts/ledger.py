"""What the ledger says of some addresses and MAC addresses, in a number of queries that grows with
them, not with the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import starmap
from operator import attrgetter
from typing import Any

from django.db.models import Exists, OuterRef, Value

from discovery.conflicts.evidence import Place, Seen, chunks, ips_of
from ipam import addresses
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Pool, Server, Sighting, Subnet
from ipam.querysets import SubnetIndex

STATIC, DHCP = Pool.Kind.STATIC, Pool.Kind.DHCP
SERVER, ALLOCATION = "server", "ipaddress"
Owner = tuple[str, int]  # SERVER or ALLOCATION, and the key of that row
# Whether a lease of the pool was ever read: where leases are not read, none is missed.
_HAS_LEASES = Exists(
    Sighting.objects.filter(
        source="lease", ip_address__gte=OuterRef("first"), ip_address__lte=OuterRef("last")
    )
)


@dataclass(frozen=True, slots=True)
class Card:
    """A network card of the ledger: of a server, or named by an allocation."""

    kind: str  # SERVER or ALLOCATION
    id: int  # of that row
    name: str
    vrf_id: int | None
    mac: str | None
    ip: Address | None
    duid: str = ""

    @property
    def owner(self) -> Owner:
        return self.kind, self.id


@dataclass(slots=True)
class Holder:
    """Who has an address in the ledger."""

    kind: str
    id: int
    name: str
    status: str
    macs: set[str] = field(default_factory=set)
    duids: set[str] = field(default_factory=set)
    is_virtual: bool = False  # a VM without a MAC address

    @property
    def owner(self) -> Owner:
        return self.kind, self.id

    @property
    def is_known(self) -> bool:
        """Whether the ledger says how to recognise its machine."""
        return bool(self.macs or self.duids)

    def has(self, mac: str | None, duid: str = "") -> bool:
        """Whether one of its cards has the MAC address or the DUID."""
        return mac in self.macs or (duid != "" and duid.lower() in self.duids)


NOBODY = Holder("", 0, "", "")  # has the addresses that the ledger gives to nobody
_UNKNOWN = {"known": "", "known_kind": "", "known_id": None}


class Ledger:
    """What the judge needs to know of some places and MAC addresses."""

    def __init__(self) -> None:
        self.holders: dict[Place, Holder] = {}
        self.freed_at: dict[Place, datetime] = {}
        self.cards: dict[str, list[Card]] = defaultdict(list)
        self.subnets = SubnetIndex(())
        self.pools: dict[int, list[Pool]] = defaultdict(list)

    @classmethod
    def of(cls, places: Collection[Place], macs: Collection[str]) -> Ledger:
        """Read it: about eight queries for a few hundred addresses."""
        ledger = cls()
        ledger._add_cards(macs)
        ledger._add_holders(places)
        ledger._add_surroundings(places)
        return ledger

    # --- questions --------------------------------------------------------------------------------

    def holder(self, place: Place) -> Holder:
        """Who has the address."""
        return self.holders.get(place, NOBODY)

    def has(self, one: Seen) -> bool:
        """Whether the ledger gives the address to the machine that was seen there."""
        holder = self.holder(one.place)
        return holder.has(one.mac) or self.owner(one.mac, one.vrf_id) == holder.owner

    def subnet(self, place: Place) -> Subnet | None:
        return self.subnets.containing(*place)

    def pool(self, place: Place) -> Pool | None:
        """The pool that holds the address."""
        subnet = self.subnet(place)
        if subnet is None:
            return None
        for pool in self.pools.get(subnet.pk, ()):
            if pool.first <= place[1] <= pool.last:
                return pool
        return None

    def is_given_out(self, place: Place) -> bool:
        """Whether it could be given to a machine: it is a host address and no gateway."""
        subnet = self.subnet(place)
        if subnet is None or place[1] == subnet.gateway:
            return False
        return addresses.is_host(subnet.network, place[1])

    def card(self, mac: str | None, vrf_id: int | None) -> Card | None:
        """The card with this MAC address, in the address's own VRF first."""
        cards = self.cards.get(str(mac), ())
        return min(cards, key=lambda card: card.vrf_id != vrf_id, default=None)

    def owner(self, mac: str | None, vrf_id: int | None) -> Owner | None:
        """The row that has a card with this MAC address."""
        return getattr(self.card(mac, vrf_id), "owner", None)

    def named(self, mac: str | None, vrf_id: int | None) -> dict[str, Any]:
        """The same, as a part of a conflict's JSON."""
        card = self.card(mac, vrf_id)
        if card is None:
            return _UNKNOWN
        return {"known": card.name, "known_kind": card.kind, "known_id": card.id}

    # --- reading ----------------------------------------------------------------------------------

    def _add_cards(self, macs: Collection[str]) -> None:
        for some in chunks(sorted(macs)):
            for card in _cards(some):
                self.cards[str(card.mac)].append(card)

    def _add_holders(self, places: Collection[Place]) -> None:
        wanted = set(places)
        of_servers: dict[int, list[Holder]] = defaultdict(list)
        for row in _address_rows(wanted):
            place = (row.vrf_id, row.ip_address)
            if _is_free(row):
                if row.freed_at:
                    self.freed_at[place] = row.freed_at
                continue
            holder = _holder(row)
            self.holders[place] = holder
            if holder.kind == SERVER:
                of_servers[holder.id].append(holder)
        for server_id, mac, duid in _cards_of_servers(of_servers):
            for holder in of_servers[server_id]:
                holder.macs.update(filter(None, [mac]))
                holder.duids.update(filter(None, [duid.lower()]))

    def _add_surroundings(self, places: Collection[Place]) -> None:
        self.subnets = SubnetIndex.of(ips_of(places), Subnet.objects.all())
        around = set(filter(None, map(self.subnet, places)))
        for some in chunks(sorted(around, key=attrgetter("pk"))):
            for pool in Pool.objects.filter(subnet__in=some).annotate(has_leases=_HAS_LEASES):
                self.pools[pool.subnet_id].append(pool)


def known_macs(macs: Collection[str]) -> set[str]:
    """Those of the MAC addresses that a card of the ledger has, in any VRF."""
    known: set[str] = set()
    for some in chunks(sorted(macs)):
        known.update(map(str, map(attrgetter("mac"), _cards(some))))
    return known


def _cards(macs: Collection[str]) -> Iterator[Card]:
    of_server = partial(Card, SERVER)
    servers = Server.objects.filter(mac_address__in=macs).order_by("pk")
    columns = ("pk", "hostname", "vrf_id", "mac_address", "ip_address")
    yield from starmap(of_server, servers.values_list(*columns))
    nics = Interface.objects.filter(mac_address__in=macs).order_by("pk")
    columns = ("server_id", "server__hostname", "server__vrf_id", "mac_address", "ip_address")
    yield from starmap(of_server, nics.values_list(*columns, "duid"))
    rows = IPAddress.objects.filter(mac_address__in=macs, server=None).exclude(status="available")
    for address in rows.order_by("pk"):
        name, mac = _name(address), address.mac_address
        yield Card(ALLOCATION, address.pk, name, address.vrf_id, mac, address.ip_address)


def _address_rows(places: Collection[Place]) -> Iterator[IPAddress]:
    for some in chunks(ips_of(places)):
        rows = IPAddress.objects.filter(ip_address__in=some).select_related("server", "squatter")
        for row in rows:
            if (row.vrf_id, row.ip_address) in places:
                yield row


def _is_free(row: IPAddress) -> bool:
    """Whether nobody has it: it is free, or in quarantine only because it has answered."""
    if row.status == IPAddress.Status.QUARANTINE:
        return hasattr(row, "squatter")
    return row.status == IPAddress.Status.AVAILABLE


def _holder(row: IPAddress) -> Holder:
    if row.server:
        return Holder(SERVER, row.server.pk, row.server.hostname, row.status)
    holder = Holder(ALLOCATION, row.pk, _name(row), row.status)
    holder.macs.update(filter(None, [row.mac_address]))
    holder.is_virtual = bool(row.vm_id) and not row.mac_address
    return holder


def _name(row: IPAddress) -> str:
    return row.hostname or row.vm_id or addresses.shorten(row.description) or str(row.ip_address)


def _cards_of_servers(servers: Iterable[int]) -> Iterator[tuple[int, Any, str]]:
    for some in chunks(sorted(servers)):
        rows = Server.objects.filter(pk__in=some)
        yield from rows.values_list("pk", "mac_address", Value(""))
        nics = Interface.objects.filter(server__in=some)
        yield from nics.values_list("server_id", "mac_address", "duid")
