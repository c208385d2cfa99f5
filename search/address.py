"""Every address has an answer: who has it, its lease, or where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext as _

from ipam.addresses import Address, host_network, supernets
from ipam.placement.describe import FREE, LEASED, NO_SUBNET, SPECIAL, TAKEN, Description, describe
from search.asked import Asked
from search.hits import EXACT, Group, Hit
from search.links import address_page

_MARKS = {LEASED: "leased", FREE: "free", NO_SUBNET: "unknown", SPECIAL: "reserved"}


def groups(asked: Asked) -> Iterator[Group]:
    """The address that was asked for. Four queries."""
    ip = asked.address
    if ip is None or not _may_see(asked, ip):
        return
    found = describe(ip)
    if not asked.may("ipam.view_sighting"):
        found = replace(found, lease=None, answer=None)
    hit = Hit(str(ip), address_page(ip), _sentence(asked, found), _mark(found))
    yield Group(_("Address"), [hit], EXACT)


def _sentence(asked: Asked, found: Description) -> str:
    """Without the names of servers and subnets for those who may not view them."""
    status = str(found.row.get_status_display()) if found.row else ""
    if not asked.may("ipam.view_subnet"):
        return status
    if found.row and found.row.server_id and not asked.may("ipam.view_server"):
        return f"{status}, {found.place}"
    return found.sentence.removeprefix(str(found.ip)).lstrip(": ")


def _mark(found: Description) -> str:
    marks = {**_MARKS, TAKEN: getattr(found.row, "status", "")}
    return marks.get(found.kind, "used")


def _may_see(asked: Asked, ip: Address) -> bool:
    """A reader who is confined to networks sees the addresses in them."""
    networks = set(asked.reader.networks)
    inside = not networks or not networks.isdisjoint(supernets(host_network(ip)))
    return inside and asked.may("ipam.view_ipaddress")
