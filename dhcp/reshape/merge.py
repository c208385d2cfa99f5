"""Merge subnets into the one around them, which is served as the first of them was."""

from __future__ import annotations

from django.db import transaction

from dhcp.models import DhcpScope
from dhcp.reshape.split import refuse_shared_wire, serve
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape import merge as ledger


def merge(subnet: Subnet) -> list[Subnet]:
    """`ipam.reshape.merge`, with the scopes: a subnet without one takes the first of theirs. Raises
    what that raises."""
    with transaction.atomic():
        lock_ledger()
        inside = DhcpScope.objects.filter(subnet__in=subnet.children)
        for scope in inside.select_related("subnet"):
            refuse_shared_wire(scope.subnet)
        first = inside.order_by("-enabled", "subnet__network").first()
        options = list(first.options.all()) if first else []
        for scope in inside:
            scope.delete()
        merged = ledger.merge(subnet)
        if first and not DhcpScope.objects.filter(subnet=subnet).exists():
            serve(subnet, first, options)
        return merged
