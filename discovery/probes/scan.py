"""Ask many addresses at once, in order and at a pace, and gather who answers."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Interface, IPv6Interface
from operator import attrgetter
from pathlib import Path

from django.utils import timezone

from discovery.probes import netlink
from discovery.probes.arp import ArpHelper
from discovery.probes.icmp import Full, Pinger
from discovery.probes.pace import Pace
from ipam.addresses import Address, Network

WAIT = 1.0  # seconds for the last answers
FULL = 4.0  # seconds: the kernel gives a neighbour up after three, and takes packets again
# Packets that follow from an echo request to an address of a network at this host: the kernel asks
# for an unknown neighbour up to three times, and asks a known one again now and then.
_UNKNOWN, _KNOWN, _FAR = 3, 2, 1

Interface = tuple[str, IPv4Interface | IPv6Interface]


@dataclass(frozen=True, slots=True)
class Answer:
    """That an address has answered, with the MAC address if it was ARP."""

    ip: Address
    at: datetime
    mac: str | None = None


@dataclass
class Batch:
    """The addresses of one subnet that are asked now. `rate` is kept by `pace`, which the caller
    keeps from batch to batch."""

    network: Network
    addresses: Sequence[Address]
    pace: Pace
    ping: bool = True
    arp: bool = True
    asked: int = 0  # so many of the addresses have had their turn
    sent: int = 0
    answers: list[Answer] = field(default_factory=list)
    links: Sequence[Interface] = ()  # of this host, into the subnet

    @property
    def asks_by_arp(self) -> bool:
        return self.arp and bool(self.links) and self.network.version == 4

    def link_to(self, address: Address) -> str:
        """The interface at which the address is a neighbour; empty if it is none."""
        for name, interface in self.links:
            if address in interface.network:
                return name
        return ""


class Scanner:
    """Sends probes of one process, never faster than `rate` packets a second altogether."""

    def __init__(self, rate: int, helper: Path | None = None) -> None:
        self.pace = Pace(rate)
        self.helper_path = helper
        self.error = ""
        self.sent = 0

    def scan(self, batches: Sequence[Batch], seconds: float, wait: float = WAIT) -> None:
        """Probe the addresses of the batches, each at its own pace, for about so many seconds, and
        at least one of each; then wait for the last answers. Fills `asked`, `sent` and `answers`
        of each."""
        scan = _Scan(self, batches)
        try:
            scan.send_all(time.monotonic() + seconds)
            scan.gather(time.monotonic() + wait)
        finally:
            scan.close()
            self.sent += sum(map(attrgetter("sent"), batches))
        self.error = scan.error


class _Scan:
    """One run of a scanner: its sockets, and who has been asked."""

    def __init__(self, scanner: Scanner, batches: Sequence[Batch]) -> None:
        self.scanner, self.batches = scanner, batches
        own = list(netlink.own_interfaces())
        for batch in batches:
            batch.links = links_into(batch.network, own)
        self.own = {interface.ip for _name, interface in own}
        self.known = set(map(attrgetter("ip"), netlink.neighbours()))
        self.pinger, self.helper = Pinger(), self._connect()
        self.asked: dict[Address, Batch] = {}

    @property
    def error(self) -> str:
        return self.helper.error or self.pinger.error

    def send_all(self, deadline: float) -> None:
        """The batch that may send first comes first, so that none waits for another's pace."""
        now = time.monotonic()
        turns = [(batch.pace.next(now), index) for index, batch in enumerate(self.batches)]
        heapq.heapify(turns)
        while turns:
            at, index = heapq.heappop(turns)
            batch = self.batches[index]
            is_late = max(at, time.monotonic()) > deadline and batch.asked > 0
            if is_late or batch.asked == len(batch.addresses):
                continue
            self._send(batch, batch.addresses[batch.asked])
            batch.asked += 1
            heapq.heappush(turns, (batch.pace.next(time.monotonic()), index))

    def gather(self, until: float) -> None:
        """Note answers until then."""
        while True:
            left = until - time.monotonic()
            files = [*self.pinger.files(), *self.helper.files()]
            if not files:
                time.sleep(max(0.0, left))
                return
            ready, _, _ = select.select(files, [], [], max(0.0, left))
            if not ready:
                return
            for file in ready:
                self._receive(file)

    def close(self) -> None:
        self.pinger.close()
        self.helper.close()

    def _send(self, batch: Batch, address: Address) -> None:
        pace = self.scanner.pace
        link = batch.link_to(address)
        by_arp = bool(link) and self._may_ask_by_arp(batch, address)
        if not by_arp and not batch.ping:
            return
        now = time.monotonic()
        at = max(batch.pace.next(now), pace.next(now))
        if at > now:
            self.gather(at)
        self.asked[address] = batch
        if by_arp:
            batch.sent += self.helper.send(link, address)
        else:
            batch.sent += self._ping(address)
        packets = 1 if by_arp else self._packets(link, address)
        now = time.monotonic()
        batch.pace.spend(now, packets)
        pace.spend(now, packets)

    def _ping(self, address: Address) -> bool:
        """As soon as the kernel takes the packet; answers are noted meanwhile."""
        until = time.monotonic() + FULL
        while (now := time.monotonic()) < until:
            try:
                return self.pinger.send(address)
            except Full:
                self.gather(now + 0.02)
        self.pinger.error = f"{address}: the kernel takes no packets"
        return False

    def _may_ask_by_arp(self, batch: Batch, address: Address) -> bool:
        return self.helper.works and batch.asks_by_arp and address not in self.own

    def _packets(self, link: str, address: Address) -> int:
        if not link:
            return _FAR
        return _KNOWN if address in self.known else _UNKNOWN

    def _receive(self, file: int) -> None:
        now = timezone.now()
        if file in self.helper.files():
            for ip, mac in self.helper.receive():
                self._note(Answer(ip, now, mac))
            return
        if pinged := self.pinger.receive(file):
            self._note(Answer(pinged, now))

    def _note(self, answer: Answer) -> None:
        if batch := self.asked.get(answer.ip):
            batch.answers.append(answer)

    def _connect(self) -> ArpHelper:
        is_needed = any(map(attrgetter("asks_by_arp"), self.batches))
        return ArpHelper(self.scanner.helper_path if is_needed else None)


def links_into(network: Network, own: Iterable[Interface]) -> list[Interface]:
    """The interfaces of this host at which addresses of the network may be neighbours."""
    return [
        (name, interface)
        for name, interface in own
        if name != "lo" and interface.version == network.version
        if interface.network.overlaps(network)
    ]
