"""The ledger as rows of cells: servers, interfaces, subnets, addresses; a stream, whatever their
number."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from django.db.models import F, Model, QuerySet

from ipam.addresses import Network
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.transfer.columns import ADDRESSES, INTERFACES, SERVERS, SUBNETS
from ipam.transfer.sheet import Layout, lines
from ipam.transfer.subnets import pool_ranges

CHUNK = 2000


def export_servers(vrf_id: int | None, within: Network | None = None) -> QuerySet[Server]:
    order = F("ip_address").asc(nulls_last=True)
    return _inside(Server.objects.filter(vrf=vrf_id).order_by(order, "hostname"), within)


def export_interfaces(vrf_id: int | None, within: Network | None = None) -> QuerySet[Interface]:
    interfaces = Interface.objects.filter(server__vrf=vrf_id).select_related("server")
    return _inside(interfaces.order_by("server__hostname", "name"), within)


def export_subnets(vrf_id: int | None, within: Network | None = None) -> QuerySet[Subnet]:
    subnets = Subnet.objects.in_vrf(vrf_id).order_by("network").prefetch_related("pools")
    if within:
        return subnets.within(within)
    return subnets


def export_addresses(
    vrf_id: int | None, within: Network | None = None, status: str = ""
) -> QuerySet[IPAddress]:
    found = IPAddress.objects.filter(vrf=vrf_id).order_by("ip_address")
    found = found.select_related("subnet", "server")
    if within:
        found = found.within(within)
    if status:
        found = found.filter(status=status)
    return found


LAYOUTS = {
    "servers": SERVERS,
    "interfaces": INTERFACES,
    "subnets": SUBNETS,
    "ip-addresses": ADDRESSES,
}


def text(
    rows: QuerySet[Any], layout: Layout, delimiter: str = ",", *, german: bool = False
) -> Iterator[str]:
    """The file's lines, header first."""
    return lines(table(rows, layout, german=german), delimiter)


def table(rows: QuerySet[Any], layout: Layout, *, german: bool = False) -> Iterator[list[str]]:
    """The heading, then the cells of every row."""
    heading = attrgetter("german" if german else "name")
    yield list(map(heading, layout.columns))
    for row in rows.iterator(chunk_size=CHUNK):
        yield _cells(row, layout)


def _cells(row: Model, layout: Layout) -> list[str]:
    return [column.show(_value(row, column.name)) for column in layout.columns]


def _value(row: Any, name: str) -> Any:
    if name == "static_ip_pools":
        return pool_ranges(row.pools.all(), "static")
    if name == "dhcp_pools":
        return pool_ranges(row.pools.all(), "dhcp")
    if name == "subnet":
        return row.subnet and row.subnet.network
    return getattr(row, name)


def _inside(rows: QuerySet[Any], network: Network | None) -> QuerySet[Any]:
    if network is None:
        return rows
    ends = (network.network_address, network.broadcast_address)
    return rows.filter(ip_address__range=ends)
