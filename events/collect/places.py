"""Where the subjects of events are, for a batch of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from events.models import Event
from ipam.addresses import Network
from ipam.models import Server, Subnet
from ipam.querysets import SubnetIndex


def place_in_subnets(events: Iterable[Event]) -> None:
    """Fill the subnet of events that name an address, and the site of those that name a subnet.
    Two queries at most."""
    found = list(events)
    _find_subnets(list(filter(_is_unplaced, found)))
    known = subnets(map(attrgetter("subnet_id"), found))
    for event in found:
        if subnet := known.get(event.subnet_id or 0):
            event.site = event.site or subnet.site


def _is_unplaced(event: Event) -> bool:
    return event.ip_address is not None and event.subnet_id is None


def _find_subnets(events: list[Event]) -> None:
    addresses = list(map(attrgetter("ip_address"), events))
    index = SubnetIndex.of(addresses, Subnet.objects.all())
    for event, address in zip(events, addresses, strict=True):
        event.subnet_id = getattr(index.containing(event.vrf_id, address), "pk", None)


def servers(keys: Iterable[int | None]) -> dict[int, Server]:
    """The servers that still exist. One query at most."""
    return Server.objects.in_bulk(set(filter(None, keys)))


def subnets(keys: Iterable[int | None]) -> dict[int, Subnet]:
    """The subnets that still exist. One query at most."""
    return Subnet.objects.in_bulk(set(filter(None, keys)))


def name_holder(event: Event, server: Server | None, exists: bool) -> None:
    """An address that a server holds is seen by those who see the server, too."""
    if not exists:
        return
    if server is None or server.vrf_id is not None or server.ip_address is None:
        event.ip_address = None  # nobody who is confined to networks sees the server
    elif server.ip_address != event.ip_address:
        event.other_address = server.ip_address


def around(one: Network, other: Any) -> Network:
    """The smallest network that contains both, which are of one family."""
    if other is None or other.version != one.version:
        return one
    while not other.subnet_of(one):
        one = one.supernet()
    return one
