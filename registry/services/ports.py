"""Choose a port: the preferred one, or a free one of the configured ranges, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Exhausted, IPManagerError
from ipam.addresses import Address
from registry.models import PortLock, RegistryConfig, Service

Span = tuple[int, int]


@dataclass(frozen=True)
class Search:
    """Where to look for a port of a service."""

    config: RegistryConfig
    type: str
    protocol: str
    ip: Address
    own_range: Span | None = None


class NoPort(Exhausted):
    """Every port of the service's ranges is taken. A later attempt may succeed."""

    status = 503


class Unprepared(Exception):
    """Some ports of a span have no PortLock row yet.

    `prepare` creates the rows in a transaction of its own: two transactions that insert the same
    rows would wait for each other."""

    def __init__(self, protocol: str, span: Span) -> None:
        super().__init__(protocol, span)
        self.protocol, self.span = protocol, span

    def prepare(self) -> None:
        PortLock.objects.complete(self.protocol, self.span)


def spans(search: Search) -> Iterator[Span]:
    """The service's own range; else its type's range and, as a fallback, the environment's."""
    config, ranges = search.config, search.config.service_type_ranges
    if search.own_range:
        yield search.own_range
        return
    if search.type in ranges:
        yield ranges[search.type]
        if not config.fallback:
            return
    yield config.default_port_range


def excluded_ports(search: Search) -> set[int]:
    """Ports that only a pinned service may have: reserved ones, and single-port ranges of other
    types."""
    excluded = set(search.config.reserved_ports)
    for name, (first, last) in search.config.service_type_ranges.items():
        if first == last and name != search.type:
            excluded.add(first)
    return excluded


def hold_one(search: Search) -> int:
    """A free port, locked until the transaction ends. Raises NoPort."""
    for span in spans(search):
        port = _hold_in(span, search)
        if port:
            return port
    raise no_port(search)


def _hold_in(span: Span, search: Search) -> int | None:
    """Ports that others are locking are skipped first; before the span counts as full we wait for
    their locks. Only when every port of the span has its row can a search know that all are
    taken."""
    shuffled = search.config.conflict_resolution_strategy == RegistryConfig.Strategy.RANDOM
    wanted = search.protocol, search.ip, span, excluded_ports(search)
    port = PortLock.objects.hold_free(*wanted, shuffled=shuffled, wait=False)
    if port:
        return port
    if not PortLock.objects.are_complete(search.protocol, span):
        raise Unprepared(search.protocol, span)
    return PortLock.objects.hold_free(*wanted, shuffled=shuffled, wait=True)


def no_port(search: Search) -> IPManagerError:
    facts = {"ports": as_text(spans(search)), "address": search.ip, "protocol": search.protocol}
    return NoPort(
        _("No port is free: %(ports)s at %(address)s, %(protocol)s.") % facts,
        _("Deregister a service, or widen the range of “%s”.") % search.type,
    )


def problem(search: Search, port: int, *, pinned: bool) -> str:
    """Why a service cannot have this port; empty when it can.

    Nothing is locked: `Service.save` locks the port and checks again. A pinned service may have an
    excluded port."""
    if not pinned and port in excluded_ports(search):
        return _("Port %d is reserved.") % port
    holder = Service.objects.conflicting(search.protocol, search.ip, port).first()
    if holder is None:
        return ""
    return _("Port %(port)d is taken by %(holder)s.") % {"port": port, "holder": holder}


def as_text(ranges: Iterable[Span]) -> str:
    """`8000-8099, 9000-9099`."""
    return ", ".join(f"{first}-{last}" for first, last in ranges)


def is_within(span: Span, port: int) -> bool:
    return span[0] <= port <= span[1]
