"""Which clients hold a lease that a change makes wrong: they have to ask for it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
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
    found = [*_leases(before, after), *_moved(items)]
    known = {client.ip: client for client in reversed(found)}
    first = datetime.min.replace(tzinfo=timezone.get_current_timezone())
    return Renewing(sorted(known.values(), key=lambda one: one.until or first, reverse=True))


def _told(subnet: Subnet, scope: DhcpScope | None) -> tuple[Any, ...]:
    """The scope says it, and where it is silent the subnet."""
    own = {"router": subnet.gateway, "dns_servers": subnet.dns_servers, "domain": subnet.domain}
    is_served = scope is not None and scope.enabled
    return (subnet.network, is_served, *(getattr(scope, name, "") or own[name] for name in _TOLD))


def _leases(before: Ground, after: Ground) -> Iterator[Client]:
    """Those whose subnet tells something else, or is another one."""
    both = {**before.told, **after.told}
    networks = [key[1] for key in both if before.told.get(key) != after.told.get(key)]
    live = Lease.objects.filter(source="lease", leased_until__gt=timezone.now())
    if not networks:
        return
    if len(networks) <= _MOST_NETWORKS:
        live = live.filter(inside("ip_address", networks))
    for lease in live:
        if before.at(lease) != after.at(lease):
            name = lease.hostname or str(lease.mac_address or "")
            yield Client(lease.ip_address, name, lease.leased_until)


def _moved(items: Iterable[Item]) -> Iterator[Client]:
    """Machines that DHCP knows by their MAC address and that get another one, or none."""
    for item in items:
        column = _ADDRESS_COLUMN.get(item.model, "")
        if column in item.columns and item.present.get("mac_address"):
            ip = item.present.get("ip_address") or item.identity[-1]
            yield Client(ip, item.present.get("hostname") or item.name)
