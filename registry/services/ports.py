"""Which port: the wanted one, or one of the ranges that the configuration names, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Exhausted, IPManagerError
from ipam.addresses import Address
from registry.models import PortLock, RegistryConfig, Service

Span = tuple[int, int]


@dataclass(frozen=True)
class Search:
    """Where a service may get a port from."""

    config: RegistryConfig
    type: str
    protocol: str
    ip: Address
    own_range: Span | None = None


class NoPort(Exhausted):
    """Every port that this service could have is taken; later one may be free."""

    status = 503


class Unprepared(Exception):
    """The ports of a span have no rows to lock yet: `prepare` makes them, in a transaction of their
    own, because two that hold new rows and wait for each other's would wait for ever."""

    def __init__(self, protocol: str, span: Span) -> None:
        super().__init__(protocol, span)
        self.protocol, self.span = protocol, span

    def prepare(self) -> None:
        PortLock.objects.complete(self.protocol, self.span)


def spans(search: Search) -> Iterator[Span]:
    """The service's own range, else its type's, and when that is full the environment's (where it
    falls back)."""
    config, ranges = search.config, search.config.service_type_ranges
    if search.own_range:
        yield search.own_range
        return
    if search.type in ranges:
        yield ranges[search.type]
        if not config.fallback:
            return
    yield config.default_port_range


def barred(search: Search) -> set[int]:
    """Ports that nobody gets unasked: reserved ones, and those that are the only one of another
    type."""
    ranges = search.config.service_type_ranges
    alone = {
        first for name, (first, last) in ranges.items() if first == last and name != search.type
    }
    return alone | set(search.config.reserved_ports)


def hold_one(search: Search) -> int:
    """A free port, ours until the transaction ends. Raises NoPort."""
    for span in spans(search):
        if port := _hold_in(span, search):
            return port
    raise no_port(search)


def _hold_in(span: Span, search: Search) -> int | None:
    """Ports that others are deciding about are passed over at first; before "full" we wait for
    them. Only a search that began when every port had its row to lock can tell that all are
    taken."""
    shuffled = search.config.conflict_resolution_strategy == RegistryConfig.Strategy.RANDOM
    locks, bars = PortLock.objects, barred(search)
    if port := locks.hold_free(
        search.protocol, search.ip, span, bars, shuffled=shuffled, wait=False
    ):
        return port
    if not locks.are_complete(search.protocol, span):
        raise Unprepared(search.protocol, span)
    return locks.hold_free(search.protocol, search.ip, span, bars, shuffled=shuffled, wait=True)


def no_port(search: Search) -> IPManagerError:
    tried = ", ".join(f"{first}-{last}" for first, last in spans(search))
    return NoPort(
        _("No port is free: %(ports)s at %(address)s, %(protocol)s.")
        % {"ports": tried, "address": search.ip, "protocol": search.protocol},
        _("Deregister a service, or widen the range of “%s”.") % search.type,
    )


def complaint_about(search: Search, port: int, *, pinned: bool) -> str:
    """Why a service cannot have the port that it wants; empty when it can, as things look now:
    `save` locks the port and looks again. A pinned service may have one that is never given
    unasked."""
    if not pinned and port in barred(search):
        return _("Port %d is reserved.") % port
    holder = Service.objects.in_the_way(search.protocol, search.ip, port).first()
    if holder is None:
        return ""
    return _("Port %(port)d is taken by %(holder)s.") % {"port": port, "holder": holder}


def is_within(span: Span, port: int) -> bool:
    return span[0] <= port <= span[1]
