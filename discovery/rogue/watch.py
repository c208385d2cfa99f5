"""Look for foreign DHCP servers now and then, and keep who answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.periodic import DatabaseState, PeriodicWork
from discovery.conflicts.judge import Verdict
from discovery.conflicts.ledger import Ledger
from discovery.conflicts.models import Conflict
from discovery.rogue import interfaces
from discovery.rogue.ask import Answer, HelperFailed, Offer, ask
from discovery.rogue.models import DhcpWatch, RogueServer

EVERY = 50.0  # seconds between two questions on one interface: all is told within a minute
HINT_LASTS = timedelta(minutes=10)  # what a log says of a client is past then
STALE = timedelta(minutes=5)  # a place that was not asked for so long is not looked after


class LookForServers(PeriodicWork):
    """Asks on every served interface of this host."""

    name = "discovery.rogue"
    interval = EVERY
    first_pause = 5.0
    longest_pause = 60.0

    def __init__(
        self,
        database: DatabaseState | None = None,
        question: Callable[[Sequence[str]], list[Answer]] = ask,
    ) -> None:
        super().__init__(database)
        self.question = question
        self.reported = ""

    def work(self) -> None:
        names = interfaces.served()
        started = time.monotonic()
        if names:
            self._look(names)
        forget_past(timezone.now())
        self.interval = max(1.0, EVERY - (time.monotonic() - started))

    def _look(self, names: Sequence[str]) -> None:
        try:
            answers = self.question(names)
        except HelperFailed as error:
            answers = [Answer(name, "", (), error.strerror or str(error), ()) for name in names]
        keep(answers, timezone.now())
        failed = filter(attrgetter("error"), answers)
        text = "; ".join(f"{one.interface}: {one.error}" for one in failed)
        if text not in ("", self.reported):
            self.logger.warning("foreign DHCP servers are not looked for: %s", text)
        self.reported = text


def place_of(interface: str) -> str:
    """This host and its interface, in words."""
    return f"{socket.gethostname()} {interface}"[:100]


def keep(answers: Sequence[Answer], now: datetime) -> None:
    """Bring the rows of the interfaces that were asked in step with who has answered."""
    own = _own_addresses(answers)
    names = map(place_of, map(attrgetter("interface"), answers))
    places = dict(zip(names, answers, strict=True))
    rows = RogueServer.objects.filter(place__in=places).exclude(ip_address=None)
    known = dict(zip(map(attrgetter("place", "ip_address"), rows), rows, strict=True))
    with transaction.atomic():
        for place, answer in places.items():
            state = {"asked_at": now, "error": answer.error[:255]}
            DhcpWatch.objects.update_or_create(place=place, defaults=state)
            if not answer.error:
                _keep_place(place, _foreign(answer, own), known, now)


def _own_addresses(answers: Iterable[Answer]) -> set[Any]:
    return set(interfaces.own_addresses().values()).union(*map(attrgetter("own"), answers))


def _foreign(answer: Answer, own: set[Any]) -> dict[IPv4Address, Offer]:
    """The offers of servers that are neither ours nor allowed by the settings."""
    found = {}
    for offer in answer.offers:
        if offer.server in own or offer.mac == answer.mac or is_allowed(offer.server):
            continue
        found[offer.server] = offer
    return found


def is_allowed(server: IPv4Address) -> bool:
    """Whether the settings allow the server to answer."""
    return any(server in network for network in settings.DHCP_ALLOWED)


def _keep_place(
    place: str,
    offers: dict[IPv4Address, Offer],
    known: dict[tuple[str, Any], RogueServer],
    now: datetime,
) -> None:
    for server, offer in offers.items():
        row = known.get((place, server)) or RogueServer(
            place=place, ip_address=server, first_seen=now, last_seen=now
        )
        row.note_seen(now)
        row.mac_address, row.offered = offer.mac, offer.ip
        row.router, row.prefix = offer.router, offer.prefix
        row.save_quietly()
    silent = RogueServer.objects.answering().filter(place=place).exclude(ip_address=None)
    silent.exclude(ip_address__in=list(offers)).update(gone_at=now)


def forget_past(now: datetime) -> None:
    """Hints of the log, and servers at places that nobody asks any more, are past after a while."""
    past = RogueServer.objects.answering().filter(last_seen__lt=now - HINT_LASTS)
    past.update(gone_at=now)


def hint(
    interface: str, mac: str | None, at: datetime, server_id: int | None = None, **_more: Any
) -> None:
    """Note that a client has asked another DHCP server (dnsmasq logs "wrong server-ID"). The log
    does not say which one, so nothing is noted where an allowed one answers."""
    place = place_of(interface)
    rows = RogueServer.objects.filter(place=place)
    if rows.answering().exclude(allowed="").exists():
        return
    row = rows.filter(ip_address=None).first()
    row = row or RogueServer(place=place, first_seen=at, last_seen=at)
    row.note_seen(at)
    row.client_mac = mac or row.client_mac
    row.save_quietly()


# --- in the list of conflicts ---------------------------------------------------------------------


def verdicts() -> Iterator[Verdict]:
    """A conflict for each server that answers and that nobody has allowed."""
    rows = list(RogueServer.objects.rogue().order_by("pk"))
    if not rows:
        return
    ledger = Ledger.of([], set(filter(None, map(attrgetter("mac_address"), rows))))
    for row in rows:
        yield _verdict(row, ledger)


def _verdict(row: RogueServer, ledger: Ledger) -> Verdict:
    seen = {
        "id": row.pk,
        "mac": row.mac_address,
        "ip": str(row.ip_address or ""),
        "source": "offer" if row.ip_address else "log",
        "first_seen": row.first_seen.isoformat(),
        "seen": row.last_seen.isoformat(),
        "until": None,
        "hostname": "",
        "own": False,
        **ledger.named(row.mac_address, None),
        "place": row.place,
        "offered": row.offer,
        "router": str(row.router or ""),
        "client": row.client_mac or "",
    }
    subject = f"dhcp/{row.place}/{row.ip_address or ''}"[:120]
    return Verdict(
        subject,
        Conflict.Kind.ROGUE_DHCP,
        None,
        row.ip_address,
        row.mac_address,
        {},
        [seen],
        row.last_seen,
    )
