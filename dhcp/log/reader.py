"""Read the log of each server, in a thread of its own.

What the lines say and the position after them are stored in one transaction, and only if nobody
else has read on meanwhile: every line counts once, whenever the worker is killed."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from django.db import DatabaseError, transaction
from django.utils import timezone

from core.database import commits
from core.following import logs
from core.following.batches import Batch, Log
from core.following.entries import Entry, Parser
from core.periodic import PeriodicWork
from dhcp.files.targets import Target
from dhcp.log.store import store
from dhcp.models import DhcpLog
from dhcp.nodes.lease import known_node

logger = logging.getLogger("dhcp.log")

PROGRAM = "dnsmasq"
IDENTIFIERS = ("dnsmasq", "dnsmasq-dhcp", "dnsmasq-tftp", "dnsmasq-script")
ROUND = 2.0  # seconds that a round may read on
BREATH = 0.05  # seconds between two rounds while more lines wait
SHOWN = 10.0  # seconds after which `read_at` is written although nothing was logged


class LogReader(PeriodicWork):
    """Reads one server's log. Without a log it has nothing to do."""

    interval = 2.0

    def __init__(self, target: Target, now: Callable[[], float] = monotonic) -> None:
        self.name = f"dhcp-log-{target.name}"
        super().__init__()
        self.target, self.now = target, now
        self.parser = Parser()
        self.log: Log | None = None
        self.shown_at = 0.0
        self.reported = ""
        self.more = False

    def work(self) -> None:
        """Read on for at most ROUND seconds."""
        if not self.target.log:
            return
        until = self.now() + ROUND
        self.more = True
        while self.more and self.now() < until and not self.stopping.is_set():
            self.more = self._read_once()

    def pause(self) -> float:
        if self.more and not self.failures:
            return BREATH
        return super().pause()

    def finish(self) -> None:
        if self.log is not None:
            self.log.close()
            self.log = None

    def _read_once(self) -> bool:
        """Read one batch and store it; return whether more may wait."""
        row = self._row()
        try:
            batch = self._log().read(row.position)
        except (OSError, ValueError) as error:
            self._report(row, _describe(error))
            self.finish()
            return False
        self._report(row, "")
        if batch.lines or batch.position != row.position or batch.lost:
            self._store(row, batch)
        elif self.now() - self.shown_at > SHOWN:
            self.shown_at = self.now() - self.now() % SHOWN  # in step with the heartbeats
            with commits.unnoticed():
                DhcpLog.objects.filter(pk=row.pk).update(read_at=timezone.now())
        self._log().done()
        return batch.more or bool(batch.lines)  # another file may follow

    def _log(self) -> Log:
        if self.log is None:
            self.log = logs.open_log(self.target.log, IDENTIFIERS)
        return self.log

    def _row(self) -> DhcpLog:
        place = known_node(self.target)["place"]
        reader = f"{place}:{self.target.log}"[:400]
        row, _is_new = DhcpLog.objects.get_or_create(
            reader=reader,
            defaults={"log": self.target.log[:300], "server_id": self.target.server_id},
        )
        return row

    def _store(self, row: DhcpLog, batch: Batch) -> None:
        now = timezone.now()
        entries = list(self.parser.entries(batch.lines, PROGRAM, now))
        store_batch(row, batch, entries, self.target.server_id)
        self.shown_at = self.now()

    def _report(self, row: DhcpLog, problem: str) -> None:
        """Why the log cannot be read; empty when it can. Logged once."""
        if problem and problem != self.reported:
            self.logger.error("cannot read the log %s: %s", self.target.log, problem)
        self.reported = problem
        if problem != row.problem:
            DhcpLog.objects.filter(pk=row.pk).update(problem=problem[:300])


def store_batch(row: DhcpLog, batch: Batch, entries: list[Entry], server_id: int | None) -> bool:
    """Store what the lines say, unless another process has read on from `row.position`
    meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        stored = DhcpLog.objects.select_for_update().get(pk=row.pk)
        if stored.position != row.position:
            return False
        counts = store(entries, server_id)
        _tell_others(entries, server_id)
        _add(stored, batch, counts, now)
        stored.save()
    return True


def _tell_others(entries: list[Entry], server_id: int | None) -> None:
    """A consumer that fails loses these lines, and does not keep the log from being read."""
    for consumer in logs.consumers(PROGRAM):
        try:
            with transaction.atomic():
                consumer(entries, server_id)
        except DatabaseError:
            raise
        except Exception:
            logger.exception("%s has failed for these lines", consumer.__module__)


def _add(row: DhcpLog, batch: Batch, counts: Counter[str], now: datetime) -> None:
    row.position = batch.position
    row.lines += len(batch.lines)
    row.counts = dict(Counter(row.counts or {}) + counts)
    row.read_at, row.problem = now, ""
    if batch.lost:
        row.losses, row.lost, row.lost_at = row.losses + 1, batch.lost[:300], now


def _describe(error: Exception) -> str:
    with contextlib.suppress(AttributeError):
        if error.strerror:  # type: ignore[attr-defined]
            return error.strerror  # type: ignore[attr-defined]
    return str(error)
