"""The kinds of rows that are searched: what matches, how a row is shown, and what names it.

A reader finds the rows that `changes.log.rights.Reader` shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from operator import attrgetter
from typing import Any

from django.db.models import Count, F, Model, Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dhcp.models import DhcpServer, Lease
from discovery.inbox.models import UnknownDevice
from ipam.models import VRF, IPAddress, Server, Subnet
from ipam.search import by_part, condition
from pxe.models import BootImage
from registry.models import Service
from search.asked import Asked
from search.hits import EXACT, PART, Group, Hit, by_rank, joined, named, rank_of
from search.links import list_page, row_page

Row = Any  # a model instance
MOST_SORTED = 300  # rows of a large table
_PORT = re.compile(r"\A\d{1,5}\Z", re.ASCII)
_VLAN = re.compile(r"\A(?:vlan\s*)?(\d{1,4})\Z", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of a model: `matching` narrows those that the reader may see, `names` are the columns
    that name one, and `detail` and `mark` are shown beside them. `order` decides between rows that
    match alike."""

    model: type[Model]
    matching: Callable[[Any, Asked], QuerySet]
    names: tuple[str, ...]
    order: tuple[str, ...]
    detail: Callable[[Row], str]
    mark: Callable[[Row], str]
    related: tuple[str, ...] = ()
    title: Callable[[Row], str] = str
    is_large: bool = False  # so many rows that most of what a short text finds is left unsorted

    def group(self, asked: Asked) -> Group:
        rows = self.matching(self.rows(asked), asked)
        if self.is_large:
            rows = self._some(rows, asked)
        best = by_rank(rows, self.names, asked.text).order_by("rank", *self.order)
        found = list(best.select_related(*self.related)[: asked.limit + 1])
        shown = found[: asked.limit]
        return Group(
            title=str(capfirst(self.model._meta.verbose_name_plural)),
            hits=list(map(self._hit, shown)),
            rank=min(map(partial(self._rank, asked), shown), default=PART),
            more=len(found) > asked.limit,
            url=list_page(self.model, q=asked.text),
        )

    def _some(self, rows: QuerySet, asked: Asked) -> QuerySet:
        """All rows that match if they are few, or else some, with those that have the text as a
        name: to sort a hundred thousand rows takes longer than to find one."""
        keys = list(rows.order_by().values_list("pk", flat=True)[: MOST_SORTED + 1])
        if len(keys) > MOST_SORTED:
            exact = self.rows(asked).filter(named(self.names, "iexact", asked.text))
            keys += exact.order_by().values_list("pk", flat=True)[: asked.limit + 1]
        return self.model._default_manager.filter(pk__in=keys)

    def rows(self, asked: Asked) -> QuerySet:
        return asked.reader.rows(self.model)

    def _hit(self, row: Row) -> Hit:
        return Hit(self.title(row), row_page(row), self.detail(row), self.mark(row))

    def _rank(self, asked: Asked, row: Row) -> int:
        return rank_of(asked.text, attrgetter(*self.names, "pk")(row))


def groups(asked: Asked) -> Iterator[Group]:
    for kind in KINDS:
        yield kind.group(asked)
    yield _vlans(asked)


# --- what matches ---------------------------------------------------------------------------------


def _subnets(rows: Any, asked: Asked) -> QuerySet:
    return rows.matching(asked.text)


def _servers(rows: Any, asked: Asked) -> QuerySet:
    return rows.matching(asked.text, asked.reader.networks)


def _addresses(rows: Any, asked: Asked) -> QuerySet:
    """Those in use. A server stands for its own addresses, unless addresses are asked for; one
    address of the global space has its answer already (search/address.py)."""
    live = rows.live().exclude(vrf=None, ip_address=asked.address)
    if not asked.may("ipam.view_server"):
        live = live.filter(server=None)
    if asked.is_start_of_address:
        return live.filter(_in_ranges(asked))
    # `gt` names the rows of the index, which leaves out those without a description.
    described = Q(description__gt="", description__icontains=asked.text)
    return live.filter(condition(asked.text) | described, server=None)


def _in_ranges(asked: Asked) -> Q:
    """The rows with an address that the text may stand for."""
    found = Q(pk__in=[])
    for ends in asked.ranges:
        found |= Q(ip_address__range=ends)
    return found


def _leases(rows: Any, asked: Asked) -> QuerySet:
    return rows.live().filter(condition(asked.text, [F("hostname")]))


def _devices(rows: Any, asked: Asked) -> QuerySet:
    return rows.filter(condition(asked.text, [F("hostname"), F("note")]))


def _services(rows: Any, asked: Asked) -> QuerySet:
    named_so = by_part(asked.text, [F("name"), F("service_id"), F("type")])
    return rows.filter(named_so | _in_ranges(asked) | Q(port__in=_numbers(_PORT, asked)))


def _numbers(pattern: re.Pattern[str], asked: Asked) -> list[int]:
    """The number that the text is, if it is one."""
    return list(map(int, pattern.findall(asked.text)))


def _texts(*columns: str) -> Callable[[Any, Asked], QuerySet]:
    """Rows with the text in one of the columns."""
    return lambda rows, asked: rows.filter(by_part(asked.text, list(map(F, columns))))


# --- how it is shown ------------------------------------------------------------------------------


def _of_subnet(row: Subnet) -> str:
    vlan = f"VLAN {row.vlan_id}" if row.vlan_id else ""
    return joined(row.name, vlan, row.site, row.description, row.vrf)


def _of_server(row: Server) -> str:
    return joined(row.ip_address, row.mac_address, row.location, row.lan_port, row.description)


def _of_address(row: IPAddress) -> str:
    return joined(row.holder or row.description, row.hostname, row.mac_address, row.vrf)


def _of_lease(row: Lease) -> str:
    return joined(row.mac_address or row.duid, row.hostname)


def _of_device(row: UnknownDevice) -> str:
    return joined(row.hostname, row.ip_address, row.note)


def _of_service(row: Service) -> str:
    return joined(row.ip_address, row.port, row.environment_id, row.type)


def _mark(name: str) -> Callable[[Row], str]:
    return lambda row: name


KINDS = [
    Kind(
        Server,
        _servers,
        ("hostname", "lan_port"),
        ("hostname", "pk"),
        _of_server,
        _mark("machine"),
        title=attrgetter("hostname"),
    ),
    Kind(
        Subnet,
        _subnets,
        ("name", "site"),
        ("-network", "pk"),
        _of_subnet,
        _mark("network"),
        ("vrf",),
        lambda row: str(row.network),
    ),
    Kind(
        IPAddress,
        _addresses,
        ("hostname", "vm_id"),
        ("ip_address", "pk"),
        _of_address,
        attrgetter("status"),
        ("server", "vrf"),
        lambda row: str(row.ip_address),
        is_large=True,
    ),
    Kind(
        Lease,
        _leases,
        ("hostname",),
        ("ip_address", "pk"),
        _of_lease,
        _mark("leased"),
        title=lambda row: str(row.ip_address),
    ),
    Kind(
        UnknownDevice,
        _devices,
        ("hostname",),
        ("-last_seen", "pk"),
        _of_device,
        _mark("unknown"),
        title=attrgetter("mac_address"),
    ),
    Kind(
        Service,
        _services,
        ("name", "service_id"),
        ("name", "pk"),
        _of_service,
        _mark("service"),
        title=attrgetter("name"),
    ),
    Kind(
        BootImage,
        _texts("name", "description"),
        ("name",),
        ("name",),
        attrgetter("description"),
        _mark("image"),
    ),
    Kind(
        VRF,
        _texts("name", "description"),
        ("name",),
        ("name",),
        attrgetter("description"),
        _mark("network"),
    ),
    Kind(
        DhcpServer,
        _texts("name", "site", "description"),
        ("name", "site"),
        ("name",),
        lambda row: joined(row.site, row.description),
        _mark("machine"),
    ),
]


def _vlans(asked: Asked) -> Group:
    """VLANs by their number, as in `30` or `VLAN 30`."""
    numbers = _numbers(_VLAN, asked)
    found = asked.reader.rows(Subnet).filter(vlan_id__in=numbers).order_by()
    counts = found.values_list("vlan_id").annotate(Count("pk"))
    return Group(_("VLANs"), list(starmap(_vlan, counts)), EXACT)


def _vlan(vlan: int, count: int) -> Hit:
    subnets = ngettext("%d subnet", "%d subnets", count) % count
    return Hit(f"VLAN {vlan}", list_page(Subnet, vlan_id=vlan), subnets, "network")
