"""The full names of past rows: the host name and the domain that its subnet had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ipam.addresses import Network
from ipam.models import IPAddress, Server, Subnet
from ipam.querysets import SubnetIndex

JSON = dict[str, Any]


def of_address(row: IPAddress) -> JSON:
    return {"full_name": full_name(row.hostname, row.subnet)}


def of_servers(rows: Sequence[Server], networks: Sequence[Network]) -> dict[int, JSON]:
    """By the servers' keys. Of subnets, only those that a token for these networks may see."""
    known: Any = Subnet.objects.all()
    if networks:
        known = known.confined(networks)
    index = SubnetIndex.of(list(_addresses(rows)), known)
    return {row.pk: {"full_name": full_name(row.hostname, _subnet(row, index))} for row in rows}


def full_name(hostname: str, subnet: Subnet | None) -> str:
    """Empty without a host name; a name with dots is full already."""
    domain = subnet.domain if subnet else ""
    if hostname and domain and "." not in hostname:
        return f"{hostname}.{domain}"
    return hostname


def _addresses(rows: Iterable[Server]) -> Iterable[Any]:
    return (row.ip_address for row in rows if row.ip_address)


def _subnet(row: Server, index: SubnetIndex) -> Subnet | None:
    if row.ip_address is None:
        return None
    return index.containing(row.vrf_id, row.ip_address)
