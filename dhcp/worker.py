"""Look every second whether dnsmasq is in step, and bring it there.

It finds what requests have left: their syncs that failed or took too long, changes that came by raw SQL, files
that somebody edited or removed. And it reads the leases, so that the ledger knows who uses which address.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from dhcp import probe, servers
from dhcp.ingest import Watch
from dhcp.journal import Outcome
from dhcp.models import DhcpChange
from dhcp.sync import LEFT, sync
from dhcp.targets import Target
from ipam.catch_up import doubt

logger = logging.getLogger("dhcp.worker")

INTERVAL = 1.0
RECONCILE = 30.0  # how often the files are compared although no change is pending
SLOWEST = 5.0  # dnsmasq is back in step within this of its return


class Hand:
    """What is known of one server: when to look at it next."""

    def __init__(self, target: Target, now: Callable[[], float]) -> None:
        self.target = target
        self.now = now
        self.reconcile_at = now()  # at once: the files may not exist yet
        self.not_before = now()
        self.delay = 0.0

    def tick(self) -> None:
        """Sync if something is to be done and no failure tells us to wait."""
        if self.now() < self.not_before:
            return
        try:
            if self._is_due():
                self._judge(sync(self.target))
            probe.look(self.target.server_id)
        except DatabaseError as error:
            logger.error("the database does not answer: %s", str(error).strip())
            self._back_off()
        except Exception:
            logger.exception("a bug; the next try will come")
            self._back_off()

    def _is_due(self) -> bool:
        if self.delay > 0 or self.now() >= self.reconcile_at:
            return True
        return DhcpChange.objects.for_server(self.target.server_id).exists()

    def _judge(self, outcome: Outcome) -> None:
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
    """One loop over the servers of this installation. `now` is a clock that only runs forward."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.stopping = threading.Event()
        self.hands: dict[int | None, Hand] = {}
        self.leases = Watch(settings.DNSMASQ_LEASES, now)

    def run(self) -> None:
        """Until stop() or a signal; a sync under way is finished."""
        logger.info("started")
        while not self.stopping.is_set():
            self.tick()
            self.stopping.wait(INTERVAL)
        logger.info("stopped")

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        self.stopping.set()

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def tick(self) -> None:
        """Look after each server, then read the leases."""
        close_old_connections()  # a database that was restarted is found again
        self._meet()
        for hand in self.hands.values():
            hand.tick()
        self.leases.look()

    def _meet(self) -> None:
        """A server that came, changed or went is found here; while the database is away, all stay as they are."""
        try:
            targets = servers.here()
        except DatabaseError as error:
            logger.error("the database does not answer: %s", str(error).strip())
            return
        known = {hand.target: hand for hand in self.hands.values()}
        self.hands = {target.server_id: known.get(target) or Hand(target, self.now) for target in targets}
