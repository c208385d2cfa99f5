"""What one can do, as lines that lead to the page where it is done: what the text says (`next free
in office`, `boot pc-17 once`), and what follows from an address or a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.addresses import host_network, parse_network
from ipam.admin.marks import next_free_url
from ipam.models import Server, Subnet
from search.asked import Asked
from search.hits import EXACT, Group, Hit
from search.links import address_page, page

MOST = 5  # rows that a verb is offered for
Hits = Iterator[Hit]


@dataclass(frozen=True, slots=True)
class Verb:
    """A pattern of the text, in English or German, whose `what` is the rest; the permissions that
    one needs; and the lines for it."""

    pattern: re.Pattern[str]
    permissions: tuple[str, ...]
    lines: Callable[[Asked, str], Hits]


def groups(asked: Asked) -> Iterator[Group]:
    yield Group(_("Do"), [*_said(asked), *_about_address(asked), *_about_network(asked)], EXACT)


def _said(asked: Asked) -> Hits:
    """The lines of the first verb that the text begins with."""
    for verb in VERBS:
        said = verb.pattern.fullmatch(asked.text)
        if said and asked.may(*verb.permissions):
            yield from verb.lines(asked, (said["what"] or "").strip())


# --- verbs ----------------------------------------------------------------------------------------


def _next_free(asked: Asked, what: str) -> Hits:
    rows = asked.reader.rows(Subnet).matching(what).order_by("-network")
    for subnet in rows[:MOST]:
        title = _("Next free in %s") % subnet
        yield Hit(title, next_free_url(subnet.pk), mark="add")


def _boot_once(asked: Asked, what: str) -> Hits:
    for server in _machines(asked, what):
        url = page("pxe_bootassignment_add", server=server.pk, mode="once")
        yield Hit(_("Boot %s once") % server.hostname, url, mark="boot")


def _machines(asked: Asked, what: str) -> list[Server]:
    """The machines that are meant: the one with just this name, or those that match."""
    rows = asked.reader.rows(Server).matching(what, asked.reader.networks)
    found = list(rows.order_by("hostname", "pk")[: 10 * MOST])
    named = [row for row in found if row.hostname.casefold() == what.casefold()]
    return (named or found)[:MOST]


def _why(asked: Asked, what: str) -> Hits:
    if what:
        yield Hit(_("Why %s?") % what, page("dhcp_why", q=what), mark="why")


def _release(asked: Asked, what: str) -> Hits:
    about = asked.about(what)
    if about.address:
        title = _("Release %s") % about.address
        yield Hit(title, address_page(about.address), _("on the page of the address"), "page")


def _add(name: str, title: Any, field: str, asked: Asked, what: str) -> Hits:
    """The form for a new row, with what was typed after the verb."""
    query = {field: what} if what else {}
    named = ": ".join(filter(None, [str(title), what]))
    yield Hit(named, page(f"{name}_add", **query), mark="add")


def _verb(words: str, permissions: tuple[str, ...], lines: Callable[[Asked, str], Hits]) -> Verb:
    return Verb(re.compile(words, re.IGNORECASE), permissions, lines)


_NEW = r"(?:add|new|create|neue[rs]?)\s+"
_REST = r"(?:\s+(?P<what>.+))?"

VERBS = [
    _verb(
        r"(?:assign\s+)?(?:next\s+free|nächste\s+freie|frei)\s+(?:ip\s+)?in\s+(?P<what>.+)",
        ("ipam.view_ipaddress", "ipam.view_subnet"),
        _next_free,
    ),
    _verb(
        r"(?:boot|boote)\s+(?P<what>.+?)(?:\s+(?:once|einmal))?",
        ("pxe.add_bootassignment", "ipam.view_server"),
        _boot_once,
    ),
    _verb(r"(?:why|warum)\s+(?P<what>[^?]+)\??", ("dhcp.view_lease",), _why),
    _verb(
        r"(?:release|(?:gib\s+)?frei(?:geben)?)\s+(?P<what>\S+)(?:\s+frei)?",
        ("ipam.change_ipaddress",),
        _release,
    ),
    _verb(
        rf"{_NEW}(?:subnet|network|netz|subnetz){_REST}",
        ("ipam.add_subnet",),
        partial(_add, "ipam_subnet", gettext_lazy("Add subnet"), "network"),
    ),
    _verb(
        rf"{_NEW}(?:server|machine|gerät){_REST}",
        ("ipam.add_server",),
        partial(_add, "ipam_server", gettext_lazy("Add server"), "hostname"),
    ),
    _verb(
        rf"{_NEW}(?:image|boot image|abbild){_REST}",
        ("pxe.add_bootimage",),
        partial(_add, "pxe_bootimage", gettext_lazy("Add boot image"), "name"),
    ),
    _verb(
        rf"{_NEW}(?:service|dienst){_REST}",
        ("registry.add_service",),
        partial(_add, "registry_service", gettext_lazy("Add service"), "name"),
    ),
]


# --- what follows from an address or a network ----------------------------------------------------


def _about_address(asked: Asked) -> Hits:
    if asked.address is None:
        return
    if asked.may("dhcp.view_lease"):
        yield from _why(asked, asked.text)
    if asked.may("ipam.view_ipaddress"):
        title = _("Who had %s?") % asked.address
        url = f"{reverse('past:who_had')}?{urlencode({'ip': asked.address})}"
        yield Hit(title, url, mark="history")
    yield from _place(asked)


def _place(asked: Asked) -> Hits:
    """The next free address around this one, or the subnet that it lacks. One query."""
    assert asked.address
    subnets = asked.reader.rows(Subnet).filter(vrf=None)
    around = subnets.supernets_of(host_network(asked.address)).last()
    if around and asked.may("ipam.view_ipaddress"):
        yield Hit(_("Next free in %s") % around, next_free_url(around.pk), mark="add")
    elif not around and asked.may("ipam.view_subnet", "ipam.add_subnet"):
        length = 24 if asked.address.version == 4 else 64
        network = host_network(asked.address).supernet(new_prefix=length)
        url = page("ipam_subnet_add", network=network)
        yield Hit(_("Create the subnet %s") % network, url, mark="add")


def _about_network(asked: Asked) -> Hits:
    """A network that is no subnet yet. One query."""
    if "/" not in asked.text or not asked.may("ipam.view_subnet", "ipam.add_subnet"):
        return
    try:
        network = parse_network(asked.text)
    except ValueError:
        return
    if not asked.reader.rows(Subnet).filter(network=network).exists():
        url = page("ipam_subnet_add", network=network)
        yield Hit(_("Create the subnet %s") % network, url, mark="add")
