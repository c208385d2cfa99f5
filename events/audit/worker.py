"""The audit stream in the worker: reads on in every history table and sends what is new."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import OperationalError

from api.security.models import SecurityEvent
from changes.lines import Line, tracked_models, with_before
from changes.security import SecurityLine
from changes.unreadable import is_of_values
from core.periodic import PeriodicWork
from events.audit.message import LONGEST, LONGEST_DATAGRAM, AnyLine, message
from events.audit.server import Place, Server
from events.collect import follow
from events.collect.follow import Source, Unreadable
from events.delivery.lease import Lease
from events.delivery.models import DeliveryCursor
from events.models import Cursor

PREFIX = "syslog:"  # of the names of its cursors, which the collector leaves alone
NAME = "syslog"


class AuditStream(PeriodicWork):
    """Every second, if IPMANAGER_SYSLOG is set; otherwise it rests."""

    name = "events.audit"

    def __init__(self) -> None:
        super().__init__()
        self.is_wanted = bool(settings.SYSLOG)
        if not self.is_wanted:
            self.interval = 3600.0
            return
        self.server = Server(Place.of(settings.SYSLOG), settings.SYSLOG_CA)
        self.longest = LONGEST_DATAGRAM if self.server.is_lossy else LONGEST
        self.lease = Lease(NAME)
        self.sources = sources()
        self.cursors: dict[str, Cursor] = {}
        self.is_away = False
        self.host = socket.gethostname()

    def work(self) -> None:
        if not self.is_wanted:
            return
        if not self.cursors:
            DeliveryCursor.objects.get_or_create(name=NAME)
        if not self.lease.take():
            self.cursors = {}  # another node moves them
            return
        newest = follow.newest_keys([source for source, _model in self.sources])
        if not self.cursors:
            self.cursors = load_cursors(newest)
        error = ""
        try:
            self.server.refresh()
            for source, model in self.sources:
                self._drain(source, model, newest[source.table])
        except OSError as failure:
            error = str(failure)
        self._tell(error)

    def finish(self) -> None:
        if self.is_wanted:
            self.server.close()
            self.lease.give_back()

    def _drain(self, source: Source, model: type, newest: int) -> None:
        cursor = self.cursors[source.table]
        while cursor.position < newest or cursor.holes:
            before = (cursor.position, list(cursor.holes))
            number = self._batch(source, model, cursor)
            if number < follow.BATCH or before == (cursor.position, cursor.holes):
                return

    def _batch(self, source: Source, model: type, cursor: Cursor) -> int:
        """The cursor moves when the messages have arrived: what fails is read again."""
        before = cursor.position, list(cursor.holes)
        rows = follow.read_on(source, cursor)
        try:
            self.server.send(self._messages(model, rows))
        except Exception:
            cursor.position, cursor.holes = before
            raise
        if before != (cursor.position, cursor.holes):
            cursor.save()
        return len(rows)

    def _messages(self, model: type, rows: Sequence[Any]) -> list[bytes]:
        facility = settings.SYSLOG_FACILITY
        lines = _lines(model, [row for row in rows if not self._is_unreadable(model, row)])
        return [message(line, self.host, facility, self.longest) for line in lines]

    def _is_unreadable(self, model: type, row: Any) -> bool:
        if not isinstance(row, Unreadable):
            return False
        self.logger.error("line %d of %s cannot be read: %s", row.pk, model, row.reason)
        return True

    def _tell(self, error: str) -> None:
        """Log the loss once, and the return once."""
        if error and not self.is_away:
            self.logger.warning("the syslog server cannot be reached: %s", error)
        if self.is_away and not error:
            self.logger.info("the syslog server can be reached again")
        self.is_away = bool(error)


def sources() -> list[tuple[Source, type]]:
    """The history tables, each with its model, and the security events."""
    found: list[tuple[Source, type]] = [(Source(SecurityEvent, _none), SecurityEvent)]
    for model in tracked_models():
        found.append((Source.of_history(model, _none), model))
    return found


def load_cursors(newest: dict[str, int]) -> dict[str, Cursor]:
    """How far each table was sent. A table that has no cursor begins at the present."""
    known, new = {}, []
    for cursor in Cursor.objects.filter(table__startswith=PREFIX):
        known[cursor.table.removeprefix(PREFIX)] = cursor
    for table, position in newest.items():
        if table not in known:
            known[table] = Cursor(table=PREFIX + table, position=position)
            new.append(known[table])
    Cursor.objects.bulk_create(new)
    return known


def _lines(model: Any, rows: Sequence[Any]) -> Sequence[AnyLine]:
    """The rows as lines; without the lines before when one of these cannot be read."""
    if model is SecurityEvent:
        return [SecurityLine(row) for row in rows]
    lines = [Line(model, row) for row in rows]
    try:
        return with_before(lines)
    except (ValueError, ValidationError, OperationalError) as error:
        if not is_of_values(error):
            raise
        return lines


def _none(rows: object) -> list:
    """These rows become messages, not events."""
    return []
