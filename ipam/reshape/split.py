"""Split a subnet into equal parts. It stays around them; pools are cut at their borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, Reason
from ipam import addresses
from ipam.addresses import Address, Network
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape.pieces import cut

MOST = 64  # parts


@dataclass(frozen=True)
class Choices:
    """What one chooses for the parts: names in their order, and whether each part without the
    present gateway gets its first address as its gateway."""

    names: Sequence[str] = ()
    first_is_gateway: bool = False


def lengths(network: Network) -> range:
    """The prefix lengths that it can be split into."""
    longest = min(network.max_prefixlen - 2, network.prefixlen + MOST.bit_length() - 1)
    return range(network.prefixlen + 1, longest + 1)


def split(subnet: Subnet, length: int, choices: Choices) -> list[Subnet]:
    """Make the parts, all or none; addresses, pools and what the machines are told move into them.
    Raises Invalid, Conflict; ValidationError, which names who is in the way."""
    if length not in lengths(subnet.network):
        raise Invalid(Reason(_("%s cannot be split like this.") % subnet.network))
    with transaction.atomic():
        lock_ledger()
        _refuse_children(subnet)
        pools, gateway = list(subnet.pools.order_by("first")), subnet.gateway
        subnet.gateway = None
        subnet.static_ip_pools, subnet.dhcp_pools = [], []
        subnet.save()
        made = []
        for number, network in enumerate(subnet.network.subnets(new_prefix=length)):
            part = _part(subnet, network, _name(subnet, number, choices))
            part.gateway = _gateway(network, gateway, choices)
            texts = cut(part.network, part.gateway, pools)
            part.static_ip_pools, part.dhcp_pools = texts["static"], texts["dhcp"]
            part.save()
            made.append(part)
        return made


def _refuse_children(subnet: Subnet) -> None:
    children = subnet.children
    if children:
        text = _("%(subnet)s has subnets inside, as %(child)s.")
        names = {"subnet": subnet, "child": children[0]}
        hint = _("Split a subnet without others inside, or delete those first.")
        raise Conflict(Reason(text % names, subnet, children[0]), hint)


def _part(subnet: Subnet, network: Network, name: str) -> Subnet:
    return Subnet(
        vrf=subnet.vrf,
        network=network,
        name=name,
        description=subnet.description,
        vlan_id=subnet.vlan_id,
        dns_servers=subnet.dns_servers,
        domain=subnet.domain,
        site=subnet.site,
    )


def _name(subnet: Subnet, number: int, choices: Choices) -> str:
    """The chosen name, or that of the subnet with a number."""
    chosen = dict(enumerate(choices.names)).get(number, "")
    return chosen or f"{subnet.name} {number + 1}".strip()


def _gateway(network: Network, present: Address | None, choices: Choices) -> Address | None:
    if present is not None and present in network:
        return present
    if choices.first_is_gateway:
        return addresses.first_host(network)
    return None
