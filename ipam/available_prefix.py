"""Find an available prefix inside a subnet, and create a subnet there."""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Exhausted, Invalid, Reason
from ipam.addresses import Address, Network
from ipam.models import IPAddress, Subnet
from ipam.querysets import lock_ledger

Span = tuple[int, int]


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
    size, last = 1 << (network.max_prefixlen - length), int(network.broadcast_address)
    position = int(network.network_address)
    for low, high in _occupied(subnet):
        if position + size <= low:
            break
        if high >= position:
            # The next multiple of the size: networks start at one.
            position = -(-(high + 1) // size) * size
    if position + size - 1 > last:
        text = _("%(network)s has no room for a /%(length)d.")
        raise Exhausted(
            Reason(text % {"network": network, "length": length}),
            _("Choose a longer prefix, or another subnet."),
        )
    return ipaddress.ip_network((type(network.network_address)(position), length))


def _occupied(subnet: Subnet) -> Iterator[Span]:
    """What is taken already, upwards. A pool stands for the addresses inside it."""
    children = map(_ends, (child.network for child in subnet.children))
    pools = map(_span, subnet.pools.order_by("first").values_list("first", "last"))
    gateway = [_span((subnet.gateway, subnet.gateway))] if subnet.gateway else []
    live = IPAddress.objects.filter(subnet=subnet, ip_type="dhcp").live().order_by("ip_address")
    singles = map(_span, live.values_list("ip_address", "ip_address").iterator())
    return heapq.merge(children, pools, gateway, singles)


def _ends(network: Network) -> Span:
    return int(network.network_address), int(network.broadcast_address)


def _span(ends: tuple[Address, Address]) -> Span:
    first, last = ends
    return int(first), int(last)
