"""The network cards of the ledger as DHCP sees them: a server's own card, its interfaces, and the
card that an allocation names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from operator import attrgetter

from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server

CardKey = tuple[str, int]  # "server", "interface" or "ipaddress", and the row's primary key
SERVER, INTERFACE, ADDRESS = "server", "interface", "ipaddress"
KINDS = (SERVER, INTERFACE, ADDRESS)


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """A server, one of its interfaces, or an allocation (whose `server_id` is 0), with the columns
    that matter to DHCP."""

    kind: str
    id: int
    server_id: int
    name: str
    vrf_id: int | None
    enabled: bool
    mac: str | None
    ip: Address | None
    duid: str = ""
    is_ignored: bool = False  # disabled, and dnsmasq refuses it

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> CardKey:
        return (self.kind, self.id)

    @classmethod
    def of_server(cls, server: Server) -> NetworkCard:
        return cls(
            SERVER,
            server.pk,
            server.pk,
            server.hostname,
            server.vrf_id,
            server.enabled,
            server.mac_address,
            server.ip_address,
            is_ignored=server.is_ignored,
        )

    @classmethod
    def of_interface(cls, nic: Interface) -> NetworkCard:
        """Reads `nic.server`: load it with the interface."""
        server = nic.server
        return cls(
            INTERFACE,
            nic.pk,
            server.pk,
            f"{server.hostname} {nic.name}",
            server.vrf_id,
            server.enabled,
            nic.mac_address,
            nic.ip_address,
            nic.duid.lower(),
            is_ignored=server.is_ignored,
        )

    @classmethod
    def of_allocation(cls, row: IPAddress) -> NetworkCard:
        name = row.hostname or row.vm_id or str(row.ip_address)
        return cls(ADDRESS, row.pk, 0, name, row.vrf_id, True, row.mac_address, row.ip_address)

    @property
    def identities(self) -> set[str]:
        """The MAC and DUID by which DHCP recognizes the card. DHCPv4 does not use the DUID."""
        found = {self.mac}
        if self.ip is None or self.ip.version == 6:
            found.add(self.duid)
        return set(filter(None, found))


def cards_with_macs(macs: Collection[str]) -> list[NetworkCard]:
    """Every card with one of these MAC addresses, in any VRF, servers first. Three queries."""
    servers = Server.objects.filter(mac_address__in=macs).order_by("pk")
    nics = Interface.objects.filter(mac_address__in=macs).select_related("server").order_by("pk")
    rows = IPAddress.objects.allocations().filter(mac_address__in=macs).order_by("pk")
    cards = [*map(NetworkCard.of_server, servers), *map(NetworkCard.of_interface, nics)]
    return cards + list(map(NetworkCard.of_allocation, rows))


def addresses_of(cards: Iterable[NetworkCard]) -> list[Address]:
    return list(filter(None, map(attrgetter("ip"), cards)))


def identities_of(cards: Iterable[NetworkCard]) -> set[str]:
    """Every MAC and DUID of the cards."""
    return set[str]().union(*map(attrgetter("identities"), cards))
