"""The machine that a page is about: a server with its interfaces, or the address of a VM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

from django.http import Http404

from changes.log.rights import Reader
from dhcp.state.machines import MachineState, states_of_cards
from dhcp.state.network_cards import NetworkCard
from ipam.addresses import Address
from ipam.admin.pickers import is_key
from ipam.models import VRF, Interface, IPAddress, Server, Subnet

Cards = Sequence[tuple[NetworkCard, MachineState]]


@dataclass(frozen=True)
class Subject:
    """A machine: its cards with their states, its own first, and the rows of its addresses."""

    name: str
    row: Server | IPAddress
    cards: Cards
    rows: dict[Address, IPAddress]

    @property
    def server(self) -> Server | None:
        return self.row if isinstance(self.row, Server) else None

    @property
    def vrf(self) -> VRF | None:
        return self.row.vrf

    @property
    def ip(self) -> Address | None:
        return self.row.ip_address

    @property
    def state(self) -> MachineState:
        """The state of its own card."""
        return self.cards[0][1]

    @property
    def server_id(self) -> int:
        """0 for a VM."""
        return getattr(self.server, "pk", 0)

    @property
    def subnet(self) -> Subnet | None:
        """The subnet of its own address."""
        own: Any = self.rows
        return getattr(own.get(self.ip), "subnet", None)

    @property
    def ips(self) -> list[Address]:
        """Its addresses, its own first."""
        return list(dict.fromkeys([*filter(None, map(attrgetter("ip"), self._cards)), *self.rows]))

    @property
    def global_ips(self) -> list[Address]:
        """Those of the global address space, which has names and services."""
        return [] if self.vrf else self.ips

    @property
    def macs(self) -> list[str]:
        return list(dict.fromkeys(filter(None, map(attrgetter("mac"), self._cards))))

    @property
    def _cards(self) -> list[NetworkCard]:
        return list(map(itemgetter(0), self.cards))


def find_server(reader: Reader, key: int) -> Subject:
    """The server with its interfaces and its addresses, as far as the reader may see them. Raises
    Http404."""
    server = _found(Server.objects.select_related("vrf"), key)
    nics = reader.rows(Interface).filter(server=server).select_related("server").order_by("name")
    cards = [NetworkCard.of_server(server), *map(NetworkCard.of_interface, nics)]
    states = states_of_cards(cards)
    rows = reader.rows(IPAddress).filter(server=server).select_related("subnet")
    by_address = {row.ip_address: row for row in rows.order_by("ip_address")}
    pairs = [(card, states[card.key]) for card in cards]
    return Subject(server.hostname, server, pairs, by_address)


def find_vm(key: int) -> Subject:
    """Raises Http404."""
    row = _found(IPAddress.objects.select_related("vrf", "subnet").exclude(vm_id=None), key)
    card = NetworkCard.of_allocation(row)
    cards = [(card, states_of_cards([card])[card.key])]
    return Subject(row.vm_id, row, cards, {row.ip_address: row})


def _found(rows: Any, key: int) -> Any:
    row = rows.filter(pk=key).first() if is_key(str(key)) else None
    if row is None:
        raise Http404
    return row
