"""Which clients hold a lease that a change makes wrong: they have to ask for it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any

from django.utils import timezone

from changes.undo.items import Item
from dhcp.models import DhcpScope, Lease
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.querysets import SubnetIndex, inside

_TOLD = ("router", "dns_servers", "domain")
_MOST_NETWORKS = 100  # in one condition
# What changes when a machine gets another address.
_ADDRESS_COLUMN: Mapping[Any, str] = {
    Server: "ip_address",
    Interface: "ip_address",
    IPAddress: "mac_address",
}


@dataclass(frozen=True)
class Client:
    """A machine that holds a lease, or an address of its own that is another one afterwards."""

    ip: Address
    name: str
    until: datetime | None = None  # None: when it renews is not known


@dataclass(frozen=True)
class Ground:
    """What each subnet tells its clients: its mask, router, DNS servers and domain."""

    index: SubnetIndex
    told: Mapping[tuple[int | None, Any], tuple[Any, ...]]

    @classmethod
    def now(cls) -> Ground:
        """Two queries."""
        scopes = {scope.subnet_id: scope for scope in DhcpScope.objects.all()}
        subnets = list(Subnet.objects.all())
        told = {}
        for subnet in subnets:
            told[subnet.vrf_id, subnet.network] = _told(subnet, scopes.get(subnet.pk))
        return cls(SubnetIndex(subnets), told)

    def at(self, lease: Lease) -> object:
        """What the lease's client is told."""
        subnet = self.index.containing(lease.vrf_id, lease.ip_address)
        return subnet and self.told[subnet.vrf_id, subnet.network]


@dataclass(frozen=True)
class Renewing:
    """The clients, those first whose lease ends last."""

    clients: list[Client] = field(default_factory=list)

    @property
    def until(self) -> datetime | None:
        """When the last lease of them ends."""
        return max(filter(None, map(attrgetter("until"), self.clients)), default=None)


def renewing(before: Ground, after: Ground, items: Iterable[Item]) -> Renewing:
    """Whose lease says something else than the ledger afterwards."""
    found = [*_moved(items), *_leases(before, after)]  # of both, the lease says more
    known = dict(zip(map(attrgetter("ip"), found), found, strict=True))
    return Renewing(sorted(known.values(), key=_ends, reverse=True))


def _ends(client: Client) -> datetime:
    """Those whose end is not known come last."""
    return client.until or datetime.min.replace(tzinfo=UTC)


def _told(subnet: Subnet, scope: DhcpScope | None) -> tuple[Any, ...]:
    """The scope says it, and where it is silent the subnet."""
    own = {"router": subnet.gateway, "dns_servers": subnet.dns_servers, "domain": subnet.domain}
    is_served = scope is not None and scope.enabled
    return (subnet.network, is_served, *(getattr(scope, name, "") or own[name] for name in _TOLD))


def _leases(before: Ground, after: Ground) -> Iterator[Client]:
    """Those whose subnet tells something else, or is another one."""
    networks = set(map(itemgetter(0), _items(before) ^ _items(after)))
    if not networks:
        return
    live = Lease.objects.filter(source="lease", leased_until__gt=timezone.now())
    if len(networks) <= _MOST_NETWORKS:
        live = live.filter(inside("ip_address", map(itemgetter(1), networks)))
    for lease in live:
        if before.at(lease) != after.at(lease):
            name = lease.hostname or str(lease.mac_address or "")
            yield Client(lease.ip_address, name, lease.leased_until)


def _items(ground: Ground) -> set[tuple[Any, str]]:
    """Each subnet with what it tells."""
    return set(zip(ground.told, map(repr, ground.told.values()), strict=True))


def _moved(items: Iterable[Item]) -> Iterator[Client]:
    """Machines that DHCP knows by their MAC address and that get another one, or none."""
    for item in items:
        column = _ADDRESS_COLUMN.get(item.model, "")
        if column in item.columns and item.present.get("mac_address"):
            ip = item.present.get("ip_address") or item.identity[-1]
            yield Client(ip, item.present.get("hostname") or item.name)
