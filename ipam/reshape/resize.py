"""Grow or shrink a subnet: the same row, with what of its pools lies in its new network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Invalid, Reason
from ipam import ranges
from ipam.addresses import Address, Network
from ipam.models import Pool, Subnet
from ipam.querysets import lock_ledger
from ipam.reshape.pieces import cut, free_spans

STEPS = 4  # bits that are suggested


@dataclass(frozen=True)
class Choices:
    """The gateway afterwards, and which pool the new addresses are in: `static`, `dhcp` or none."""

    gateway: Address | None = None
    new_space: str = ""


def suggested(network: Network) -> Iterator[Network]:
    """Larger networks around it, then smaller ones at its start and end."""
    shortest = max(1, network.prefixlen - STEPS)
    for length in range(network.prefixlen - 1, shortest - 1, -1):
        yield network.supernet(new_prefix=length)
    for length in range(network.prefixlen + 1, min(network.max_prefixlen, network.prefixlen + 3)):
        size = 1 << (network.max_prefixlen - length)
        yield type(network)((int(network[0]), length))
        yield type(network)((int(network[-1]) - size + 1, length))


def resize(subnet: Subnet, network: Network, choices: Choices) -> Subnet:
    """Raises Invalid; ValidationError, which names what is in the way."""
    with transaction.atomic():
        lock_ledger()
        _check(subnet.network, network)
        texts = cut(network, choices.gateway, list(subnet.pools.order_by("first")))
        if choices.new_space:
            texts[choices.new_space] += _new_space(subnet, network, choices)
        subnet.network, subnet.gateway = network, choices.gateway
        subnet.static_ip_pools, subnet.dhcp_pools = texts["static"], texts["dhcp"]
        subnet.save()
        return subnet


def _check(old: Network, new: Network) -> None:
    if old == new:
        raise Invalid(Reason(_("It has this size already.")))
    if not (ranges.is_inside(old, new) or ranges.is_inside(new, old)):
        text = _("%(new)s neither contains %(old)s nor lies in it.")
        hint = _("To move machines into another network, renumber them.")
        raise Invalid(Reason(text % {"old": old, "new": new}), hint)


def _new_space(subnet: Subnet, network: Network, choices: Choices) -> Iterator[str]:
    """What the subnet did not have before, without other subnets and their pools."""
    around = Subnet.objects.in_vrf(subnet.vrf_id).within(network).exclude(pk=subnet.pk)
    taken = [ranges.span_of(other.network) for other in around]
    taken.append(ranges.span_of(subnet.network))
    pools = Pool.objects.overlapping(network[0], network[-1], subnet.vrf_id)
    taken += [ranges.span(pool.first, pool.last) for pool in pools]
    return free_spans(network, [ranges.span_of(network)], [choices.gateway], taken)
