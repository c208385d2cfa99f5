"""Grow or shrink a subnet, which is served as before."""

from __future__ import annotations

from django.db import transaction

from dhcp.models import DhcpScope
from ipam.addresses import Network
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape import resize as ledger
from ipam.reshape.resize import Choices


def resize(subnet: Subnet, network: Network, choices: Choices) -> Subnet:
    """`ipam.reshape.resize`; a router of the scope that lies outside is the router no more. Raises
    what that raises."""
    with transaction.atomic():
        lock_ledger()
        subnet.refresh_from_db()  # as it is under the lock
        ledger.resize(subnet, network, choices)
        scope = DhcpScope.objects.filter(subnet=subnet).first()
        if scope and scope.router is not None and scope.router not in network:
            scope.router = None
            scope.save()
        return subnet
