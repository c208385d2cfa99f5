"""Merge the subnets directly inside a subnet into it: their addresses and pools become its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Reason
from ipam.allocate import find, reserve
from ipam.models import Pool, Subnet
from ipam.querysets import lock_ledger


def merge(subnet: Subnet) -> list[Subnet]:
    """Merge them, all or none; return those that are gone. A subnet without a gateway takes the
    lowest one of theirs; the other gateways are reserved, so that nobody is given a router's
    address. Raises Conflict; ValidationError, which names what is in the way."""
    with transaction.atomic():
        lock_ledger()
        children = subnet.children
        if not children:
            raise Conflict(Reason(_("%s has no subnets inside.") % subnet, subnet))
        keys = [subnet.pk, *map(attrgetter("pk"), children)]
        pools = list(Pool.objects.filter(subnet__in=keys).order_by("first"))
        for child in children:
            Subnet.objects.get(pk=child.pk).delete(force=True)
        others = _take_gateway(subnet, children)
        subnet.static_ip_pools = _texts(pools, Pool.Kind.STATIC)
        subnet.dhcp_pools = _texts(pools, Pool.Kind.DHCP)
        subnet.save()
        for child in others:
            _hold_gateway(child)
        return children


def _hold_gateway(child: Subnet) -> None:
    """Reserve it, unless somebody has it already, as a router that is a server."""
    assert child.gateway
    row = find(child.gateway, child.vrf_id)
    if row.status == "available":
        reserve(row, _("gateway of %s, which was merged") % child)


def _take_gateway(subnet: Subnet, children: Sequence[Subnet]) -> list[Subnet]:
    """Give the subnet a gateway; the children that have another one."""
    having = list(filter(attrgetter("gateway"), children))
    gateways = map(attrgetter("gateway"), having)
    subnet.gateway = next(chain(filter(None, [subnet.gateway]), gateways), None)
    return [child for child in having if child.gateway != subnet.gateway]


def _texts(pools: Sequence[Pool], kind: str) -> list[str]:
    return [f"{pool.first}-{pool.last}" for pool in pools if pool.kind == kind]
