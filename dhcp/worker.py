"""Keep every dnsmasq of this installation in step, each in a thread of its own: a slow or broken
one delays no other.

The worker does what requests have left: syncs that failed or took too long, changes by raw SQL,
files that somebody edited or removed. It also reads the leases, so that the ledger knows which
machine uses which address; and it looks at dnsmasq's host, which a web node may not see."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import attrgetter

from django.conf import settings
from django.db import DatabaseError

from core.periodic import DatabaseState, PeriodicWork, refresh_connection
from dhcp import servers
from dhcp.daemon.beat import HeartbeatWorker
from dhcp.files.sync import BUDGET, INLINE_HOSTS, sync
from dhcp.files.targets import Target
from dhcp.generations.outcome import LEFT, Outcome, Seen
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.leases.intervals import record as intervals
from dhcp.log.reader import LogReader
from dhcp.models import DhcpChange
from dhcp.nodes import lease
from dhcp.nodes import state as nodes
from dhcp.nodes.lease import Role
from dhcp.notify_listener import NotifyListener
from dhcp.state import probe
from dhcp.state.host import HostWatcher, our_processes
from ipam.placement.catch_up import check_everything

logger = logging.getLogger("dhcp.worker")

INTERVAL = 2.0  # how often a server is looked at although nothing wakes its thread
REST = 8.0  # how long a server is not looked at while nothing is committed
RENEW = 3.0  # seconds after which a node's lease is renewed, which lasts for ten
RECONCILE = 30.0  # how often the files are compared although no change is pending
EXPIRE = 30.0  # how often leases are looked for that have run out
LONGEST_PAUSE = 5.0  # dnsmasq is back in step within this of its return
LONGEST_ROUND = 60.0  # a thread that takes longer hangs: another node may take its lease
LONGEST_LOOK = 5.0  # that the end waits for
LOST = ", the files stay unchanged"


class ServerWorker(PeriodicWork):
    """Keeps one server in step. `now` is a monotonic clock."""

    interval = INTERVAL
    rest = REST
    wait_for_requests = True  # a request that changed something syncs by itself, if so configured

    def __init__(
        self, target: Target, database: DatabaseState, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = f"dhcp-{target.name}"
        super().__init__(database)
        self.target = target
        self.now = now
        self.reconcile_at = now()  # at once: the files may not exist yet
        self.not_before = now()
        self.delay = 0.0
        self.leases = LeaseFileWatcher(target.leases, now, target.origin) if target.leases else None
        self.log = LogReader(target)
        self.host = HostWatcher(target, now)
        self.wake = threading.Event()
        self.role = Role.HOLDER
        self.seen: Seen | None = None  # what this follower had seen before its last sync
        self.was_notified = True
        self.round_began: float | None = None
        self.hosts = 0  # reservations, as the last sync found

    @property
    def requests_sync(self) -> bool:
        """Whether requests bring this server in step themselves."""
        return settings.DHCP_SYNC == "inline" and self.hosts <= INLINE_HOSTS

    def tick(self) -> bool:
        """Sync if something is pending and no failure asks for a pause; then read the leases."""
        self.round_began = self.now()
        refresh_connection()
        if self.now() >= self.not_before:
            self._sync()
        if self.leases and self.role is not Role.STANDBY:
            self.leases.poll()
        self.host.poll_and_store(our_processes)
        self.round_began = None
        return self.delay == 0

    @property
    def hangs(self) -> bool:
        began = self.round_began
        return began is not None and self.now() - began > LONGEST_ROUND

    def pause(self) -> float:
        left = self.not_before - self.now()
        return left if 0 < left < self.interval else self.interval

    def wait(self, seconds: float) -> None:
        woken = self.wake.wait(seconds)
        self.was_notified = woken
        if woken and self.wait_for_requests and self.requests_sync:
            self.stopping.wait(BUDGET)
        self.wake.clear()

    def run(self) -> None:
        """A log that is full of lines delays no sync: it is read in a thread of its own."""
        if self.target.log:
            self.log.start()
        super().run()

    def stop(self) -> None:
        super().stop()
        self.log.stop()
        self.wake.set()

    def finish(self) -> None:
        self.log.stop()
        self.log.join()

    def _sync(self) -> None:
        try:
            if self._may_rest() and self.rests():
                return
            self.role, has_expired = lease.current_role(self.target)
            if has_expired or self._is_due():
                self._plan(sync(self.target, paced=True))
                self._find_origin()
            self.database.answers()
            if self.role is Role.HOLDER:
                probe.probe_newest(self.target.server_id)
        except DatabaseError as error:
            self.database.fails(error)
            self._back_off()
        except Exception:
            logger.exception("unexpected error, trying again later")
            self._back_off()

    def _may_rest(self) -> bool:
        """No commit tells a follower that the holder's lease has expired."""
        is_in_step = self.delay == 0 and self.now() < self.reconcile_at
        return is_in_step and self.role is Role.HOLDER

    def _is_due(self) -> bool:
        if self.delay > 0 or self.now() >= self.reconcile_at:
            return True
        if self.role is Role.HOLDER:
            return DhcpChange.objects.for_server(self.target.server_id).exists()
        # A follower sees what the holder has not applied yet, and what it has applied since.
        return self.was_notified or lease.seen(self.target) != self.seen

    def _plan(self, outcome: Outcome) -> None:
        """Decide by the outcome of a sync when the next one is due."""
        if outcome.wait:
            self.not_before, self.mark = self.now() + outcome.wait, None
            return
        self.reconcile_at = self.now() + RECONCILE
        self.hosts = outcome.hosts
        self.seen, self.was_notified = outcome.seen, False
        if outcome.unexplained:
            check_everything()
        if outcome.good:
            self.delay = 0.0
        elif outcome.result != LEFT:
            self._back_off()

    def _find_origin(self) -> None:
        """Each node's lease file tells of leases of its own."""
        if self.leases:
            self.leases.origin = nodes.origin(self.target)

    def _back_off(self) -> None:
        self.delay = min(self.delay * 2 or 1.0, LONGEST_PAUSE)
        self.not_before = self.now() + self.delay


class DhcpWorker(PeriodicWork):
    """Starts a ServerWorker for each server, and wakes them when something has changed."""

    name = "dhcp.worker"
    rest = REST
    interval = INTERVAL  # to find new servers; notifications end no wait, they wake the servers

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(DatabaseState(logger, LOST))
        self.now = now
        self.expire_at = self.renew_at = now()
        self.servers: dict[int | None, ServerWorker] = {}
        self.listener = NotifyListener()
        self.heartbeat = HeartbeatWorker(self.present_targets, self.database)

    def run(self) -> None:
        logger.info("started")
        super().run()
        logger.info("stopped")

    def tick(self) -> bool:
        """Leases are renewed by the clock; the rest follows the database."""
        done = super().tick()
        if self.now() >= self.renew_at and self._renew():
            self.renew_at = self.now() + RENEW
        return done

    def _renew(self) -> bool:
        """Keep the leases of the servers that are worked on."""
        try:
            for server in self.servers.values():
                if not server.hangs:
                    lease.renew(server.target)
        except DatabaseError as error:
            self.database.fails(error)
            return False
        return True

    def work(self) -> None:
        self.find_servers()
        for server in self.servers.values():
            if server.thread is None:
                server.start()
        if self.heartbeat.thread is None:
            self.heartbeat.start()
        if self.now() >= self.expire_at:
            intervals.expire()
            self.expire_at = self.now() + EXPIRE

    def wait(self, seconds: float) -> None:
        """Wait, and wake the servers at each notification meanwhile."""
        deadline = time.monotonic() + seconds
        while not self.stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            if self.listener.wait(self.stopping, left):
                for server in self.servers.values():
                    server.wake.set()

    def finish(self) -> None:
        self.listener.close()
        self.heartbeat.stop()
        end(self.servers.values())
        self.heartbeat.join(LONGEST_LOOK)
        with suppress(DatabaseError):  # then they expire
            for server in self.servers.values():
                lease.release(server.target)

    def tick_all(self) -> None:
        """One round of everything in this thread, one server after the other."""
        refresh_connection()
        try:
            self.find_servers()
        except DatabaseError as error:
            self.database.fails(error)
        for server in self.servers.values():
            server.tick()

    def find_servers(self) -> None:
        """Begin and end the work on servers that came, changed or went. While the database is
        away (DatabaseError), all stay."""
        targets = self.targets()
        known = {server.target: server for server in self.servers.values()}
        end(server for target, server in known.items() if target not in targets)
        self.servers = {t.server_id: known.get(t) or self.server_worker(t) for t in targets}

    def targets(self) -> list[Target]:
        return servers.local_targets()

    def present_targets(self) -> list[Target]:
        """Those of the last round, without a query: for the heartbeat's thread."""
        return list(map(attrgetter("target"), self.servers.values()))

    def server_worker(self, target: Target) -> ServerWorker:
        return ServerWorker(target, self.database, self.now)


def end(leaving: Iterable[ServerWorker]) -> None:
    """Stop them all, then wait until each has finished its round."""
    ending = list(leaving)
    for server in ending:
        server.stop()
    for server in ending:
        server.join()
