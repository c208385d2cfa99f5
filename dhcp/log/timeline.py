"""The DHCP transactions of one machine as a timeline, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from django.db.models import Q

from dhcp.models import DhcpTransaction
from ipam.addresses import Address, parse_address, parse_mac
from ipam.models import Interface, Server

PAGE = 200  # rows
_FACTS = attrgetter("kind", "ip_address", "mac_address", "interface", "server_id")
Kind = DhcpTransaction.Kind


@dataclass(slots=True)
class Step:
    """One row, or a number of renewals of one address, which are alike."""

    row: DhcpTransaction
    times: int = 1
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """Whose timeline it is."""

    macs: tuple[str, ...] = ()
    ips: tuple[Address, ...] = ()

    def rows(self) -> Q:
        return Q(mac_address__in=self.macs) | Q(ip_address__in=self.ips)


@dataclass(frozen=True, slots=True)
class Page:
    """Some steps, and the key of the row after which older ones follow; None at the end."""

    steps: list[Step] = field(default_factory=list)
    older: int | None = None


def find(text: str) -> Machine:
    """The machine of a MAC address, an IP address or a host name; without any MAC or address where
    the name is not known. Raises ValueError for text that is none of these."""
    text = text.strip()
    for parse in (_by_mac, _by_address):
        try:
            return parse(text)
        except ValueError:
            continue
    if not text or len(text) > 253 or "\0" in text:
        raise ValueError("not a MAC address, an IP address or a host name")
    return _by_name(text)


def of_server(server: Server) -> Machine:
    """All cards of a server."""
    nics = Interface.objects.filter(server=server).values_list("mac_address", flat=True)
    macs = [server.mac_address, *nics]
    return Machine(macs=tuple(filter(None, macs)))


def page(machine: Machine, before: int | None = None) -> Page:
    """The newest steps, or those older than the row with this key."""
    rows = DhcpTransaction.objects.filter(machine.rows()).select_related("server")
    last = DhcpTransaction.objects.filter(pk=before).first() if before else None
    if last is not None:
        rows = rows.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    found = list(rows.newest_first()[: PAGE + 1])
    older = found[PAGE - 1].pk if len(found) > PAGE else None
    return Page(steps(found[:PAGE]), older)


def steps(rows: Sequence[DhcpTransaction]) -> list[Step]:
    """Newest first. Of renewals that follow each other only the newest is shown."""
    found: list[Step] = []
    place = 0
    while place < len(rows):
        pair = rows[place : place + 2]
        if _is_renewal(pair) and len(found) >= 2 and _are_alike(found[-2:], pair):
            for step, row in zip(found[-2:], pair, strict=True):
                step.times, step.since = step.times + 1, row.at
            place += 2
        else:
            found.append(Step(rows[place]))
            place += 1
    return found


def _is_renewal(pair: Sequence[DhcpTransaction]) -> bool:
    return list(map(attrgetter("kind"), pair)) == [Kind.ACK, Kind.REQUEST]


def _are_alike(shown: Sequence[Step], pair: Sequence[DhcpTransaction]) -> bool:
    rows = map(attrgetter("row"), shown)
    return list(map(_FACTS, rows)) == list(map(_FACTS, pair))


def _by_mac(text: str) -> Machine:
    return Machine(macs=(parse_mac(text),))


def _by_address(text: str) -> Machine:
    return Machine(ips=(parse_address(text),))


def _by_name(text: str) -> Machine:
    macs: list[str] = []
    for server in Server.objects.filter(hostname__iexact=text)[:10]:
        macs += of_server(server).macs
    return Machine(macs=tuple(macs))
