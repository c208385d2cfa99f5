"""Services that stay registered at an address which their machine no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from dhcp.reshape.renumber import Renumbered
from ipam.models import Subnet
from ipam.querysets import inside
from registry.models import Service


def left_behind(source: Subnet, done: Renumbered) -> Iterator[str]:
    """A sentence for each. Services are of the global address space. One query."""
    if source.vrf_id is None:
        yield from _sentences(source, {move.row.ip_address: move.new for move in done.moves})


def _sentences(source: Subnet, new: dict) -> Iterator[str]:
    text = _("%(service)s is registered at %(former)s, which becomes %(new)s: register it anew.")
    for service in _services(source):
        former = service.ip_address
        if new.get(former):
            yield text % {"service": service, "former": former, "new": new[former]}


def _services(source: Subnet) -> Iterable[Service]:
    return Service.objects.filter(inside("ip_address", [source.network])).order_by("pk")
