"""What one can do, as lines that lead to the page where it is done: what the text says (`next free
in office`, `boot pc-17 once`), or what follows from the address, network or machine that it
names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.addresses import Address, Network, host_network
from ipam.admin.marks import next_free_url
from ipam.models import Server, Subnet
from search.asked import ADDRESS, NAME, NETWORK, Asked
from search.hits import EXACT, Group, Hit, by_rank
from search.links import address_page, page, with_query

MOST = 5  # rows that a verb is offered for
Hits = Iterable[Hit]
_LENGTH = {4: 24, 6: 64}  # of the subnet that is offered around an address


@dataclass(frozen=True, slots=True)
class Verb:
    """A pattern of the text, in English or German, whose `what` is the rest; the permissions that
    one needs; and the lines for it."""

    pattern: re.Pattern[str]
    permissions: tuple[str, ...]
    lines: Callable[[Asked, str], Hits]

    def said(self, asked: Asked) -> Hits:
        found = self.pattern.fullmatch(asked.text)
        if found and asked.may(*self.permissions):
            return self.lines(asked, found["what"].strip())
        return ()


def group(asked: Asked) -> Group:
    hits = list(_said(asked)) or list(_offered(asked))
    return Group(_("Do"), hits, EXACT)


def _said(asked: Asked) -> Iterator[Hit]:
    for verb in VERBS:
        yield from verb.said(asked)


def _offered(asked: Asked) -> Iterator[Hit]:
    """What follows from what the text is, as far as the reader may do it."""
    for permissions, lines in OFFERS[asked.kind]:
        if asked.may(*permissions):
            yield from lines(asked)


# --- verbs ----------------------------------------------------------------------------------------


def _next_free(asked: Asked, what: str) -> Hits:
    subnets: Any = asked.reader.rows(Subnet)
    return map(_free_address, subnets.matching(what).order_by("-network")[:MOST])


def _free_address(subnet: Subnet) -> Hit:
    return Hit(_("Next free in %s") % subnet, next_free_url(subnet.pk), mark="add")


def _boot_once(asked: Asked, what: str) -> Hits:
    servers: Any = asked.reader.rows(Server)
    found = servers.matching(what, asked.reader.networks)
    best = by_rank(found, ["hostname"], what).order_by("rank", "hostname", "pk")
    return map(_boot, best[:MOST])


def _boot(server: Server) -> Hit:
    url = page("pxe_bootassignment_add", server=server.pk, mode="once")
    return Hit(_("Boot %s once") % server.hostname, url, mark="boot")


def _why(asked: Asked, what: str) -> Hits:
    return [Hit(_("Why %s?") % what, page("dhcp_why", q=what), mark="why")]


def _release(asked: Asked, what: str) -> Iterator[Hit]:
    ip = asked.about(what).address
    if ip:
        where = _("on the page of the address")
        yield Hit(_("Release %s") % ip, address_page(ip), where, "page")


def _add(name: str, title: Any, field: str, asked: Asked, what: str) -> Hits:
    """The form for a new row, with what was typed after the verb."""
    whole = ": ".join(filter(None, [str(title), what]))
    return [Hit(whole, page(f"{name}_add", **{field: what}), mark="add")]


def _verb(words: str, permissions: tuple[str, ...], lines: Callable[[Asked, str], Hits]) -> Verb:
    return Verb(re.compile(words, re.IGNORECASE), permissions, lines)


_NEW = r"(?:add|new|create|neue[rs]?)\s+"
_REST = r"(?P<what>(?:\s.+)?)"

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
        rf"{_NEW}(?:image|boot[ -]image){_REST}",
        ("pxe.add_bootimage",),
        partial(_add, "pxe_bootimage", gettext_lazy("Add boot image"), "name"),
    ),
    _verb(
        rf"{_NEW}(?:service|dienst){_REST}",
        ("registry.add_service",),
        partial(_add, "registry_service", gettext_lazy("Add service"), "name"),
    ),
]


# --- what follows from an address, a network or a machine -----------------------------------------


def _why_this(asked: Asked) -> Hits:
    return _why(asked, asked.text)


def _who_had(asked: Asked) -> Hits:
    url = with_query(reverse("past:who_had"), ip=asked.address)
    return [Hit(_("Who had %s?") % asked.address, url, mark="history")]


def _next_free_here(asked: Asked) -> Hits:
    return map(_free_address, list(_around(asked))[-1:])


def _subnet_around(asked: Asked) -> Iterator[Hit]:
    if not _around(asked).exists():
        host = _network(asked)
        yield _create(host.supernet(new_prefix=_LENGTH[host.version]))


def _around(asked: Asked) -> Any:
    subnets: Any = asked.reader.rows(Subnet).filter(vrf=None)
    return subnets.supernets_of(_network(asked))


def _network(asked: Asked) -> Network:
    assert isinstance(asked.address, Address)
    return host_network(asked.address)


def _this_subnet(asked: Asked) -> Iterator[Hit]:
    if not asked.reader.rows(Subnet).filter(network=asked.network).exists():
        yield _create(asked.network)


def _create(network: Network | None) -> Hit:
    url = page("ipam_subnet_add", network=network)
    return Hit(_("Create the subnet %s") % network, url, mark="add")


def _why_machine(asked: Asked) -> Iterator[Hit]:
    for server in _machine(asked):
        yield from _why(asked, server.hostname)


def _boot_machine(asked: Asked) -> Hits:
    return map(_boot, _machine(asked))


def _machine(asked: Asked) -> Any:
    """The machine of just this name."""
    return asked.reader.rows(Server).filter(hostname__iexact=asked.text)[:1]


Offers = list[tuple[tuple[str, ...], Callable[[Asked], Hits]]]
OFFERS: dict[str, Offers] = {
    ADDRESS: [
        (("dhcp.view_lease",), _why_this),
        (("ipam.view_ipaddress",), _who_had),
        (("ipam.view_ipaddress", "ipam.view_subnet"), _next_free_here),
        (("ipam.view_subnet", "ipam.add_subnet"), _subnet_around),
    ],
    NETWORK: [(("ipam.view_subnet", "ipam.add_subnet"), _this_subnet)],
    NAME: [
        (("dhcp.view_lease",), _why_machine),
        (("pxe.add_bootassignment",), _boot_machine),
    ],
}
