"""What can be imported: of each kind its columns, the import, and the permissions that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from ipam.transfer.addresses import import_addresses
from ipam.transfer.columns import ADDRESSES, INTERFACES, SERVERS, SUBNETS
from ipam.transfer.interfaces import import_interfaces
from ipam.transfer.servers import import_servers
from ipam.transfer.sheet import Layout
from ipam.transfer.subnets import import_subnets
from ipam.transfer.verdicts import Outcome


@dataclass(frozen=True)
class Kind:
    """One table that a file may hold."""

    label: Any
    model: str  # as in `ipam_subnet`
    layout: Layout
    bring_in: Callable[..., Outcome]
    needed: tuple[str, ...]


KINDS = {
    "subnets": Kind(
        _("Subnets"),
        "ipam_subnet",
        SUBNETS,
        import_subnets,
        ("ipam.add_subnet", "ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
    ),
    "servers": Kind(
        _("Servers"),
        "ipam_server",
        SERVERS,
        import_servers,
        ("ipam.add_server", "ipam.change_server"),
    ),
    "interfaces": Kind(
        _("Interfaces of servers"),
        "ipam_server",
        INTERFACES,
        import_interfaces,
        ("ipam.change_server", "ipam.add_interface", "ipam.change_interface"),
    ),
    "addresses": Kind(
        _("Addresses"),
        "ipam_ipaddress",
        ADDRESSES,
        import_addresses,
        ("ipam.add_ipaddress", "ipam.change_ipaddress"),
    ),
}
