"""Find room for a new subnet inside another one, and make it there."""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Exhausted, Invalid
from ipam.addresses import Network
from ipam.models import IPAddress, Subnet
from ipam.querysets import lock_ledger

Span = tuple[int, int]


def carve(subnet: Subnet, length: int, **facts: Any) -> Subnet:
    """Make the next free subnet of this length inside the subnet. Of many callers at once, each
    gets its own.

    Raises Exhausted, Invalid; ValidationError for the facts.
    """
    with transaction.atomic():
        lock_ledger()
        inner = Subnet(vrf_id=subnet.vrf_id, network=free_network(subnet, length), **facts)
        inner.save()
        return inner


def free_network(subnet: Subnet, length: int) -> Network:
    """The lowest network of this length in which nothing of the subnet is yet: no subnet, pool,
    gateway or address.

    Raises Exhausted when there is none, Invalid when a network of this length is not smaller than
    the subnet."""
    network = subnet.network
    if not network.prefixlen < length <= network.max_prefixlen:
        raise Invalid(
            _("/%(length)d is no length of a subnet inside %(network)s.")
            % {"length": length, "network": network},
            _("Choose /%(longer)d to /%(longest)d.")
            % {"longer": network.prefixlen + 1, "longest": network.max_prefixlen},
        )
    size, last = 1 << (network.max_prefixlen - length), int(network.broadcast_address)
    position = int(network.network_address)
    for low, high in _occupied(subnet):
        if position + size <= low:
            break
        if high >= position:
            position = (
                -(-(high + 1) // size) * size
            )  # the next multiple: networks start at their own size
    if position + size - 1 > last:
        raise Exhausted(
            _("%(network)s has no room for a /%(length)d.")
            % {"network": network, "length": length},
            _("Choose a longer prefix, or another subnet."),
        )
    return ipaddress.ip_network((type(network.network_address)(position), length))


def _occupied(subnet: Subnet) -> Iterator[Span]:
    """What is taken already, upwards. Addresses inside pools are not looked at: the pool stands for
    them."""
    inner = [
        (int(s.network.network_address), int(s.network.broadcast_address)) for s in subnet.children
    ]
    pools = [
        (int(first), int(last))
        for first, last in subnet.pools.order_by("first").values_list("first", "last")
    ]
    gateway = [(int(subnet.gateway), int(subnet.gateway))] if subnet.gateway else []
    live = IPAddress.objects.filter(subnet=subnet, ip_type="dhcp").live().order_by("ip_address")
    singles = ((int(ip), int(ip)) for ip in live.values_list("ip_address", flat=True).iterator())
    return heapq.merge(inner, pools, gateway, singles)
