"""Find an available prefix inside a subnet, and create a subnet there."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.database import prepared, sql
from core.errors import Exhausted, Invalid, Reason
from ipam import addresses
from ipam.addresses import Network
from ipam.fields import NetworkField, unpack
from ipam.models import Subnet
from ipam.querysets import lock_ledger

Span = tuple[int, int]
_SQL = Path(__file__).parent / "sql"
# What inet_send writes of an address: family, prefix length, whether it is a cidr, the number of
# bytes, and those.
_INET4, _INET6 = struct.Struct(">xBxxI"), struct.Struct(">xBxxQQ")
_INET4_FAMILY = 2
# What `ipam.fields` packs for SQLite: family, 16 bytes, and for a network its prefix length.
_PACKED, _PACKED_NETWORK = struct.Struct(">xQQ"), struct.Struct(">xQQB")


def create_subnet(subnet: Subnet, length: int, **fields: Any) -> Subnet:
    """Create the next available subnet of this prefix length inside the subnet. Callers at the same
    time each get their own.

    Raises Exhausted, Invalid; ValidationError for the fields."""
    with transaction.atomic():
        lock_ledger()
        inner = Subnet(vrf_id=subnet.vrf_id, network=available_network(subnet, length), **fields)
        inner.save()
        return inner


def available_network(subnet: Subnet, length: int) -> Network:
    """The lowest network of this prefix length inside the subnet that holds no subnet, pool,
    gateway or live address of it.

    Raises Exhausted when there is none, Invalid when the length is not longer than the subnet's."""
    network = subnet.network
    if not network.prefixlen < length <= network.max_prefixlen:
        text = _("A subnet inside %(network)s cannot have the length /%(length)d.")
        raise Invalid(
            Reason(text % {"length": length, "network": network}),
            _("Choose /%(longer)d to /%(longest)d.")
            % {"longer": network.prefixlen + 1, "longest": network.max_prefixlen},
        )
    last = NetworkField().get_db_prep_value(addresses.last_inside(network), connection)
    rows = prepared.rows(occupied(connection.vendor), {"key": subnet.pk, "last": last})
    found = first_available(network, length, rows[0][1:]) if rows else None
    if found is None:
        text = _("%(network)s has no room for a /%(length)d.")
        raise Exhausted(
            Reason(text % {"network": network, "length": length}),
            _("Choose a longer prefix, or another subnet."),
        )
    return found


def occupied(vendor: str) -> str:
    """The statement that reads what a subnet holds."""
    return sql.statement(_SQL / vendor / "occupied.sql")


def first_available(network: Network, length: int, held: Iterable[Any]) -> Network | None:
    """The lowest network of this length that holds nothing. `held` are the columns of `occupied`
    after the first: gateway, subnets, pools, addresses."""
    size, last = 1 << (network.max_prefixlen - length), int(network.broadcast_address)
    position = int(network.network_address)
    for low, high in sorted(_spans(network.max_prefixlen, *held)):
        if position + size <= low:
            break
        if high >= position:
            # The next multiple of the size: networks start at one.
            position = -(-(high + 1) // size) * size
    if position + size - 1 > last:
        return None
    return ipaddress.ip_network((type(network.network_address)(position), length))


def _spans(bits: int, gateway: Any, subnets: Any, pools: Any, singles: Any) -> Iterator[Span]:
    """The first and last number of everything that is held."""
    if gateway is not None:
        number = int(_address(gateway))
        yield number, number
    for number, prefix in _decoded(subnets, networks=True):
        yield number, number | ((1 << (bits - prefix)) - 1)
    ends = [number for number, _prefix in _decoded(pools)]
    yield from zip(ends[::2], ends[1::2], strict=True)
    for number, _prefix in _decoded(singles):
        yield number, number


def _address(column: Any) -> addresses.Address:
    return unpack(column) if isinstance(column, bytes) else ipaddress.ip_address(column)


def _decoded(column: Any, *, networks: bool = False) -> Iterator[Span]:
    """The number and prefix length of each address in a column of `occupied`."""
    if not column:
        return
    if isinstance(column, str):  # SQLite
        packed = _PACKED_NETWORK if networks else _PACKED
        for high, low, *prefix in packed.iter_unpack(bytes.fromhex(column)):
            yield high << 64 | low, prefix[0] if prefix else 0
    elif column[0] == _INET4_FAMILY:
        for prefix, number in _INET4.iter_unpack(column):
            yield number, prefix
    else:
        for prefix, high, low in _INET6.iter_unpack(column):
            yield high << 64 | low, prefix
