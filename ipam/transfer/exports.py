"""The ledger as rows of cells: servers, interfaces, subnets, addresses; a stream, whatever their
number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Model, QuerySet

from ipam.addresses import Network
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.transfer.columns import ADDRESSES, INTERFACES, SERVERS, SUBNETS
from ipam.transfer.sheet import Layout, lines
from ipam.transfer.subnets import pool_ranges

CHUNK = 2000


def export_servers(vrf_id: int | None, within: Network | None = None) -> QuerySet[Server]:
    servers = Server.objects.filter(vrf=vrf_id).order_by(
        F("ip_address").asc(nulls_last=True), "hostname"
    )
    return servers.filter(ip_address__range=_ends(within)) if within else servers


def export_interfaces(vrf_id: int | None, within: Network | None = None) -> QuerySet[Interface]:
    found = (
        Interface.objects.filter(server__vrf=vrf_id)
        .select_related("server")
        .order_by("server__hostname", "name")
    )
    return found.filter(ip_address__range=_ends(within)) if within else found


def export_subnets(vrf_id: int | None, within: Network | None = None) -> QuerySet[Subnet]:
    subnets = Subnet.objects.in_vrf(vrf_id).order_by("network").prefetch_related("pools")
    return subnets.within(within) if within else subnets


def export_addresses(
    vrf_id: int | None, within: Network | None = None, status: str = ""
) -> QuerySet[IPAddress]:
    found = (
        IPAddress.objects.filter(vrf=vrf_id)
        .order_by("ip_address")
        .select_related("subnet", "server")
    )
    found = found.within(within) if within else found
    return found.filter(status=status) if status else found


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
    yield [column.german if german else column.name for column in layout.columns]
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
        return row.subnet.network if row.subnet else None
    return getattr(row, name)


def _ends(network: Network) -> tuple[Any, Any]:
    return network.network_address, network.broadcast_address
