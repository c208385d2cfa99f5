"""What in dnsmasq's log somebody has to act on, and when that is over.

A problem goes as soon as a later line shows that it is over: the address is acknowledged, the
machine gets one, the interface is served, dnsmasq has read its files without the complaint.
Otherwise it goes when no line has told of it for a while: dnsmasq does not say that a conflict has
ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import filterfalse
from operator import attrgetter

from dhcp.log.lines import RELOADED, RELOADING, Exchange
from dhcp.models import DhcpProblem
from ipam.addresses import Address, parse_address

Kind = DhcpProblem.Kind

# How long a problem stays after the last line that told of it.
LASTS = {
    Kind.DECLINE: timedelta(minutes=15),  # dnsmasq blocks the address for 10 minutes
    Kind.NOT_USED: timedelta(hours=1),
    Kind.FULL: timedelta(minutes=15),
    Kind.NO_RANGE: timedelta(minutes=15),
    Kind.FOREIGN: timedelta(hours=1),
    Kind.DUPLICATE: timedelta(days=365),  # until dnsmasq reads its files again
}
# The kinds of exchange that are problems as they are.
_SAME = {"decline", "not_used", "full", "no_range", "duplicate"}
# How long dnsmasq may take to read its files, where the line before them was not seen.
_READING = timedelta(minutes=2)
MOST = 1000  # rows
_WRITTEN = ("ip_address", "mac_address", "interface", "detail", "times", "last_at", "expires_at")


@dataclass(slots=True)
class Problems:
    """Those of some lines of one server, by their keys, and what has shown that others are over."""

    server_id: int | None
    open: dict[str, DhcpProblem] = field(default_factory=dict)
    # What was well, and when last: an address, a machine, both; an interface.
    acknowledged: dict[object, datetime] = field(default_factory=dict)
    served: dict[str, datetime] = field(default_factory=dict)
    reading_since: datetime | None = None
    read_since: datetime | None = None  # a complaint from before this was not repeated

    def add(self, exchange: Exchange) -> None:
        kind, at = exchange.kind, exchange.at
        if kind == RELOADING:
            self.reading_since = at
        elif kind == RELOADED:
            self.read_since = self.reading_since or at - _READING
        elif kind == "offer":
            self.served[exchange.interface] = at
        elif kind == "ack":
            ip, mac = exchange.ip, exchange.mac
            self.served[exchange.interface] = at
            self.acknowledged[ip] = self.acknowledged[mac] = self.acknowledged[ip, mac] = at
        elif problem := _kind(exchange):
            self._add_problem(problem, exchange)

    def _add_problem(self, kind: DhcpProblem.Kind, exchange: Exchange) -> None:
        key = f"{self.server_id or ''}|{kind}|{_subject(kind, exchange)}"
        known = self.open.get(key)
        if known is None:
            if len(self.open) >= MOST:
                return
            known = DhcpProblem(
                key=key, kind=kind, server_id=self.server_id, times=0, first_at=exchange.at
            )
            self.open[key] = known
        known.ip_address, known.mac_address = _address(exchange.ip), exchange.mac
        known.interface, known.detail = exchange.interface, exchange.detail
        known.times += 1
        known.last_at = exchange.at
        known.expires_at = exchange.at + LASTS[kind]

    def store(self, now: datetime) -> None:
        """A few queries, however many lines there were."""
        stored = list(DhcpProblem.objects.filter(server=self.server_id))
        over = [row.pk for row in stored if self._is_over(row, now)]
        if over:
            DhcpProblem.objects.filter(pk__in=over).delete()
        self.open = {key: row for key, row in self.open.items() if not self._is_over(row, now)}
        if self.open:
            self._write({row.key: row for row in stored if row.pk not in over})

    def _is_over(self, row: DhcpProblem, now: datetime) -> bool:
        cured = self._cured_at(row)
        return row.expires_at <= now or (cured is not None and cured > row.last_at)

    def _cured_at(self, row: DhcpProblem) -> datetime | None:
        """When these lines have shown that the problem was over."""
        ip, mac = str(row.ip_address), row.mac_address
        cures: dict[str, datetime | None] = {
            Kind.DUPLICATE: self.read_since,
            Kind.NO_RANGE: self.served.get(row.interface),
            Kind.FULL: self.acknowledged.get(mac),
            Kind.NOT_USED: self.acknowledged.get((ip, mac) if mac else ip),
            Kind.DECLINE: self.acknowledged.get(ip),
        }
        return cures.get(row.kind)

    def _write(self, known: Mapping[str, DhcpProblem]) -> None:
        """`known` are the stored problems by their keys."""
        for key in self.open.keys() & known.keys():
            row, old = self.open[key], known[key]
            row.pk, row.first_at = old.pk, old.first_at
            row.times += old.times
        has_row = attrgetter("pk")
        new = list(filterfalse(has_row, self.open.values()))
        room = max(0, MOST - DhcpProblem.objects.count())
        DhcpProblem.objects.bulk_create(new[:room], ignore_conflicts=True)
        stored = list(filter(has_row, self.open.values()))
        DhcpProblem.objects.bulk_update(stored, _WRITTEN, batch_size=100)


def _kind(exchange: Exchange) -> DhcpProblem.Kind | None:
    if exchange.is_with_another_server:
        return Kind.FOREIGN
    return Kind(exchange.kind) if exchange.kind in _SAME else None


def _subject(kind: DhcpProblem.Kind, exchange: Exchange) -> object:
    """What a problem is about; two of one kind and subject are the same."""
    if kind in (Kind.FULL, Kind.FOREIGN):
        return exchange.mac or exchange.duid
    if kind == Kind.NO_RANGE:
        return exchange.interface
    return exchange.ip


def _address(text: str | None) -> Address | None:
    return parse_address(text) if text else None


def grouped(rows: Iterable[DhcpProblem]) -> dict[tuple[str, int | None], list[DhcpProblem]]:
    """The rows by kind and server."""
    found: dict[tuple[str, int | None], list[DhcpProblem]] = {}
    for row in rows:
        found.setdefault((row.kind, row.server_id), []).append(row)
    return found
