"""Rounds: each enabled subnet is asked from its first address to its last, some addresses at a
time, and again after its interval.

A step takes a few seconds of every subnet whose round is due, so that a large one delays no other.
It writes what it has seen, and how far each round has come, in a number of statements that does not
grow with the subnets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from django.conf import settings
from django.utils import timezone

from discovery import activity, squatters
from discovery.models import DiscoveryRound, SubnetDiscovery
from discovery.probes import names, netlink
from discovery.probes.pace import Pace
from discovery.probes.scan import Batch, Scanner
from discovery.targets import Targets, children_of, next_targets
from ipam.addresses import Address
from ipam.models import Sighting
from ipam.querysets import write
from ipam.sightings.record import Seen, record

STEP = 3.0  # seconds of sending
MOST = 2000  # addresses of one subnet in a step
NEIGHBOUR_AGE = timedelta(seconds=60)  # the kernel asks a neighbour that it knows no sooner
_WRITTEN = (
    *("due_at", "started_at", "cursor", "sent", "answered", "error", "held_until"),
    *("last_started_at", "last_ended_at", "last_sent", "last_answered"),
    *("rounds", "total_sent"),
)


@dataclass(frozen=True, slots=True)
class Work:
    """A step of one subnet's round."""

    discovery: SubnetDiscovery
    targets: Targets
    batch: Batch

    @property
    def round(self) -> DiscoveryRound:
        return self.discovery.round

    @property
    def cursor(self) -> Address | None:
        """Behind which the round goes on; None when it has ended."""
        if self.batch.asked < len(self.targets.addresses):
            return self.targets.addresses[self.batch.asked - 1]
        return self.targets.cursor


def seen_in(batch: Batch, vrf_id: int | None, agent: str = "") -> Iterator[Seen]:
    """The answers of a batch as sightings. ARP tells a MAC address, ping does not."""
    for answer in batch.answers:
        source = Sighting.Source.ARP if answer.mac else Sighting.Source.PING
        yield Seen(answer.ip, source, answer.at, answer.mac, vrf_id, origin=agent)


class Prober:
    """Probes the subnets of one agent, or those of the worker (an empty name)."""

    def __init__(self, agent: str = "") -> None:
        self.agent = agent
        self.holder = f"{socket.gethostname()}:{os.getpid()}"[-100:]
        self.scanner = Scanner(settings.PROBE_RATE, settings.ARP_HELPER)
        self.paces: dict[int, Pace] = {}

    def step(self, now: datetime | None = None) -> int:
        """Do a step of each round that is due; return how many there are."""
        now = now or timezone.now()
        due = SubnetDiscovery.objects.claim_due(self.agent, self.holder, now)
        if not due:
            return 0
        works = self._plan(due)
        self.scanner.scan(list(map(attrgetter("batch"), works)), STEP)
        answers = list(self._answers(works))
        record([*answers, *self._names(works)])
        squatters.quarantine(list(map(attrgetter("ip"), answers)))
        self.look_at_neighbours()
        ended = [(work.discovery.subnet, self._note(work, now)) for work in works]
        write(list(map(attrgetter("round"), works)), _WRITTEN)
        activity.fill(ended)
        return len(works)

    def look_at_neighbours(self) -> int:
        """Record what the kernel knows of the neighbours in all subnets of this prober."""
        networks = SubnetDiscovery.objects.networks(self.agent)
        if not networks:
            return 0
        now = timezone.now()
        return record(
            Seen(found.ip, Sighting.Source.ARP, at, found.mac, vrf_id, origin=self.agent)
            for found in netlink.neighbours()
            for vrf_id, network in networks
            if found.ip in network
            for at in [now - timedelta(seconds=found.age)]
        )

    def _plan(self, due: Sequence[SubnetDiscovery]) -> list[Work]:
        children = children_of(list(map(attrgetter("subnet"), due)))
        works = []
        for discovery in due:
            subnet = discovery.subnet
            number = min(MOST, max(1, int(min(discovery.rate, settings.PROBE_RATE) * STEP)))
            inner = children[subnet.vrf_id, subnet.network]
            targets = next_targets(subnet, discovery.round.cursor, number, inner)
            works.append(Work(discovery, targets, self._batch(discovery, targets.addresses)))
        return works

    def _batch(self, discovery: SubnetDiscovery, addresses: list[Address]) -> Batch:
        pace = self.paces.setdefault(discovery.pk, Pace(discovery.rate))
        pace.set_rate(discovery.rate)
        network = discovery.subnet.network
        return Batch(network, addresses, pace, discovery.ping, discovery.arp)

    def _answers(self, works: Sequence[Work]) -> Iterator[Seen]:
        for work in works:
            yield from seen_in(work.batch, work.discovery.subnet.vrf_id, self.agent)

    def _names(self, works: Sequence[Work]) -> list[Seen]:
        """Reverse names of those that have answered, as far as they are known in time."""
        asked: dict[Address, int | None] = {}
        for work in works:
            if work.discovery.names:
                found = {answer.ip for answer in work.batch.answers}
                asked |= dict.fromkeys(found, work.discovery.subnet.vrf_id)
        now, seen = timezone.now(), []
        for ip, name in names.look_up(list(asked)).items():
            seen.append(Seen(ip, Sighting.Source.DNS, now, None, asked[ip], name, self.agent))
        return seen

    def _note(self, work: Work, now: datetime) -> datetime | None:
        """How far the round has come. Of one that has ended: since when an address must have
        answered to count as active, which leaves room for one lost packet."""
        state = work.round
        if state.started_at is None:
            state.started_at, state.sent, state.answered, state.error = now, 0, 0, ""
        state.sent += work.batch.sent
        state.total_sent += work.batch.sent
        state.answered += len(set(map(attrgetter("ip"), work.batch.answers)))
        state.error = self.scanner.error[:200] or state.error
        state.held_until = timezone.now()
        state.cursor = work.cursor
        if state.cursor is not None:
            return None
        interval = timedelta(seconds=work.discovery.interval)
        state.due_at = max(timezone.now(), state.started_at + interval)
        since = state.last_started_at or state.started_at - NEIGHBOUR_AGE
        state.last_started_at, state.last_ended_at = state.started_at, timezone.now()
        state.last_sent, state.last_answered = state.sent, state.answered
        state.rounds += 1
        state.started_at = None
        return since
