"""Work that a process repeats in threads until it is told to stop."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from django.db import DatabaseError, close_old_connections, connection

from core.database import commits, prepared
from core.history import origin
from core.logs import first_line


class DatabaseState:
    """Whether the database answers. Logs its loss once, and its return once."""

    def __init__(self, logger: logging.Logger, consequence: str = "") -> None:
        self._logger, self._consequence = logger, consequence
        self._lost = False

    def answers(self) -> None:
        if self._lost:
            self._logger.info("the database answers again")
        self._lost = False

    def fails(self, error: DatabaseError) -> None:
        if not self._lost:
            reason = first_line(error)
            self._logger.error("the database does not answer%s: %s", self._consequence, reason)
        self._lost = True


def refresh_connection() -> None:
    """Drop a connection that failed or that the server has closed, so that a restarted database is
    found again. Unlike Django's health check this needs no query."""
    close_old_connections()
    prepared.checked_database()


LONG_PAUSE = 30.0  # seconds; for less, a connection is kept


def rest_connection(pause: float) -> None:
    """Close this thread's connection before a long pause: on SQLite it holds 3 MB, and the schema
    is read anew in some 10 ms."""
    if pause >= LONG_PAUSE:
        connection.close()


# Further work of a site's agent: each is called with the name of the agent's DHCP server.
AGENT_WORK: list[Callable[[str], PeriodicWork]] = []


class PeriodicWork:
    """A subclass names itself and implements `work`; errors of a round are logged, and the next
    round comes later: after 1, 2, 4, ... seconds, at most `longest_pause`."""

    name: str  # of its logger and its thread
    interval = 1.0  # seconds from the end of a round to the next one
    first_pause = 0.0  # seconds before the first round
    longest_pause = 5.0  # seconds, after repeated failures
    rest = 0.0  # seconds for which rounds are left out while nothing is committed
    in_step = False  # with all others of its interval: what writes while all is idle
    source: origin.Source = "worker"  # of what it changes, in the history

    def __init__(self, database: DatabaseState | None = None) -> None:
        self.logger = logging.getLogger(self.name)
        self.database = database or DatabaseState(self.logger)
        self.stopping = threading.Event()
        self.failures = 0  # in a row
        self.worked_at = -math.inf  # the last complete round, by a monotonic clock
        self.mark: commits.Mark | None = None  # of the database, when it began
        self.thread: threading.Thread | None = None

    def work(self) -> None:
        """One round. Every error may be raised."""
        raise NotImplementedError

    def finish(self) -> None:
        """After the last round."""

    def tick(self) -> bool:
        """Do one round; return whether it succeeded."""
        refresh_connection()
        try:
            if not self.rests():
                self.work()
        except DatabaseError as error:
            self.database.fails(error)
        except Exception:
            self.logger.exception("unexpected error, trying again later")
        else:
            self.database.answers()
            self.failures = 0
            return True
        self.failures += 1
        self.worked_at = -math.inf
        return False

    def rests(self) -> bool:
        """Whether nothing was committed since the last round began, which was lately. What follows
        the clock alone waits for at most `rest` seconds."""
        if not self.rest:
            return False
        mark, now = commits.mark(), time.monotonic()
        if mark == self.mark and now - self.worked_at < self.rest:
            return True
        self.mark, self.worked_at = mark, now
        return False

    def pause(self) -> float:
        """Seconds until the next round."""
        if not self.failures and self.in_step:
            return self.interval - time.monotonic() % self.interval
        if not self.failures:
            return self.interval
        return min(2.0 ** (self.failures - 1), self.longest_pause)

    def wait(self, seconds: float) -> None:
        """Wait for the next round; stop() ends the wait."""
        self.stopping.wait(seconds)

    def run(self) -> None:
        """Repeat the work until stop(), in this thread."""
        try:
            self.wait(self.first_pause)
            while not self.stopping.is_set():
                self.round()
                pause = self.pause()
                rest_connection(pause)
                self.wait(pause)
        finally:
            self.finish()
            connection.close()

    def round(self) -> None:
        """One round, with its own name in the history."""
        with origin.acting(self.source, self.name):
            self.tick()

    def stop(self) -> None:
        """Ask it to end after the present round; from any thread."""
        self.stopping.set()

    def start(self, on_end: Callable[[], object] = lambda: None) -> None:
        """Run in a thread of its own; `on_end` is called when run() returns or fails."""
        self.thread = threading.Thread(
            target=self._run_thread, args=(on_end,), name=self.name, daemon=True
        )
        self.thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end."""
        if self.thread is not None:
            self.thread.join(timeout)

    def _run_thread(self, on_end: Callable[[], object]) -> None:
        try:
            self.run()
        except Exception:
            self.logger.exception("%s ended", self.name)
        finally:
            on_end()


class InTurn(PeriodicWork):
    """Several kinds of work in one thread, each at its own pace; a round waits for the others'.

    They share a connection, which on SQLite takes 3 MB: it keeps the schema with all triggers."""

    def __init__(self, name: str, *works: PeriodicWork) -> None:
        self.name = name
        super().__init__()
        self.works = works

    def run(self) -> None:
        now = time.monotonic()
        due = {work: now + work.first_pause for work in self.works}
        with ExitStack() as at_end:
            at_end.callback(connection.close)
            for work in self.works:
                at_end.callback(work.finish)
            while not self.stopping.is_set():
                work = min(due, key=due.__getitem__)
                pause = due[work] - time.monotonic()
                rest_connection(pause)
                self.wait(pause)
                if not self.stopping.is_set():
                    work.round()
                    due[work] = time.monotonic() + work.pause()

    def stop(self) -> None:
        super().stop()
        for work in self.works:
            work.stop()
