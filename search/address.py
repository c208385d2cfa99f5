"""Every address has an answer: who has it, its lease, or where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext as _

from ipam.placement.describe import FREE, LEASED, NO_SUBNET, SPECIAL, TAKEN, Description, describe
from search.asked import Asked
from search.hits import EXACT, Group, Hit
from search.links import address_page

_MARKS = {LEASED: "leased", FREE: "free", NO_SUBNET: "unknown", SPECIAL: "reserved"}


def groups(asked: Asked) -> Iterator[Group]:
    """The address that was asked for. Four queries."""
    if asked.address is None or not asked.may("ipam.view_ipaddress") or _is_elsewhere(asked):
        return
    found = describe(asked.address)
    if not asked.may("ipam.view_sighting"):
        found = replace(found, lease=None, answer=None)
    title = str(asked.address)
    sentence = found.sentence.removeprefix(title).lstrip(": ")
    hit = Hit(title, address_page(asked.address), sentence, _mark(found))
    yield Group(_("Address"), [hit], EXACT)


def _mark(found: Description) -> str:
    if found.kind == TAKEN and found.row:
        return found.row.status
    return _MARKS.get(found.kind, "used")


def _is_elsewhere(asked: Asked) -> bool:
    """Whether the reader is confined to networks, and the address lies in none of them."""
    networks = asked.reader.networks
    return bool(networks) and not any(asked.address in network for network in networks)
