"""Keep every dnsmasq of this installation in step, each for itself: a slow or broken one delays no
other.

It finds what requests have left: their syncs that failed or took too long, changes that came by raw
SQL, files that somebody edited or removed. And it reads the leases, so that the ledger knows who
uses which address."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from core.stopping import call_on_signals
from dhcp import servers
from dhcp.files.sync import BUDGET, sync
from dhcp.files.targets import Target
from dhcp.generations.outcome import LEFT, Outcome
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.models import DhcpChange
from dhcp.notify_listener import Ear
from dhcp.state import probe
from ipam.placement.catch_up import doubt

logger = logging.getLogger("dhcp.worker")

INTERVAL = 1.0
RECONCILE = 30.0  # how often the files are compared although no change is pending
SLOWEST = 5.0  # dnsmasq is back in step within this of its return


class Line:
    """Whether the database answers: its loss is told once, and its return."""

    def __init__(self) -> None:
        self.lost = False

    def holds(self) -> None:
        if self.lost:
            logger.info("the database answers again")
        self.lost = False

    def breaks(self, error: DatabaseError) -> None:
        if not self.lost:
            logger.error(
                "the database does not answer, the files stay as they are: %s",
                " ".join(str(error).split()),
            )
        self.lost = True


class Hand:
    """Looks after one server. `now` is a clock that only runs forward."""

    def __init__(
        self, target: Target, line: Line, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.target = target
        self.line = line
        self.now = now
        self.reconcile_at = now()  # at once: the files may not exist yet
        self.not_before = now()
        self.delay = 0.0
        self.leases = LeaseFileWatcher(target.leases, now, target.origin) if target.leases else None
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def tick(self) -> None:
        """Sync if something is to be done and no failure tells us to wait; then read the leases."""
        close_old_connections()  # a database that was restarted is found again
        if self.now() >= self.not_before:
            self._sync()
        if self.leases:
            self.leases.poll()

    def start(self) -> None:
        """Go on with it in a thread of its own, until stop()."""
        if self.thread is None:
            self.thread = threading.Thread(
                target=self._run, name=f"dhcp-{self.target.name}", daemon=True
            )
            self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.tick()
                if self.wake.wait(self._rest()) and self._is_for_requests():
                    self.stopping.wait(BUDGET)
                self.wake.clear()
        finally:
            connection.close()

    def _rest(self) -> float:
        until = self.not_before - self.now()
        return until if 0 < until < INTERVAL else INTERVAL

    def _is_for_requests(self) -> bool:
        """Whether whoever has changed something will see to it himself."""
        return settings.DHCP_SYNC == "inline"

    def _sync(self) -> None:
        try:
            if self._is_due():
                self._judge(sync(self.target, paced=True))
            self.line.holds()
            probe.probe_newest(self.target.server_id)
        except DatabaseError as error:
            self.line.breaks(error)
            self._back_off()
        except Exception:
            logger.exception("a bug; the next try will come")
            self._back_off()

    def _is_due(self) -> bool:
        if self.delay > 0 or self.now() >= self.reconcile_at:
            return True
        return DhcpChange.objects.for_server(self.target.server_id).exists()

    def _judge(self, outcome: Outcome) -> None:
        if outcome.wait:
            self.not_before = self.now() + outcome.wait
            return
        self.reconcile_at = self.now() + RECONCILE
        if outcome.unexplained:
            doubt()
        if outcome.good:
            self.delay = 0.0
        elif outcome.result != LEFT:
            self._back_off()

    def _back_off(self) -> None:
        self.delay = min(self.delay * 2 or INTERVAL, SLOWEST)
        self.not_before = self.now() + self.delay


class Worker:
    """Gives every server a hand, and wakes the hands when something has changed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.line = Line()
        self.stopping = threading.Event()
        self.hands: dict[int | None, Hand] = {}
        self.meet_at = now()

    def run(self) -> None:
        """Until stop() or a signal; a sync under way is finished."""
        logger.info("started")
        ear = Ear()
        try:
            while not self.stopping.is_set():
                self.meet()
                for hand in self.hands.values():
                    hand.start()
                if ear.listen(self.stopping, INTERVAL):
                    self._wake()
        finally:
            ear.close()
            end(self.hands.values())
            connection.close()
        logger.info("stopped")

    def stop(self) -> None:
        self.stopping.set()

    def stop_on_signals(self) -> None:
        call_on_signals(self.stop)

    def tick(self) -> None:
        """One turn of everything, one after the other."""
        self.meet()
        for hand in self.hands.values():
            hand.tick()

    def meet(self) -> None:
        """Find servers that came, changed or went. While the database is away, all stay as they
        are."""
        if self.now() < self.meet_at:
            return
        self.meet_at = self.now() + INTERVAL
        close_old_connections()
        try:
            targets = self.targets()
        except DatabaseError as error:
            self.line.breaks(error)
            return
        known = {hand.target: hand for hand in self.hands.values()}
        end(hand for target, hand in known.items() if target not in targets)
        self.hands = {t.server_id: known.get(t) or self.hand(t) for t in targets}

    def targets(self) -> list[Target]:
        return servers.local_targets()

    def hand(self, target: Target) -> Hand:
        return Hand(target, self.line, self.now)

    def _wake(self) -> None:
        for hand in self.hands.values():
            hand.wake.set()


def end(hands: Iterable[Hand]) -> None:
    """Let them finish what they do, all at the same time."""
    leaving = list(hands)
    for hand in leaving:
        hand.stop()
    for hand in leaving:
        if hand.thread:
            hand.thread.join()
