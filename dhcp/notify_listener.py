"""Learn at once of committed changes: PostgreSQL sends notifications, SQLite is polled cheaply."""

from __future__ import annotations

import logging
import select
import threading
import time
from typing import Any

from django.db import DatabaseError, connection

from core.database import commits
from dhcp.sql.database import CHANNEL

logger = logging.getLogger("dhcp.worker")

POLL = 0.25  # seconds between two polls where no notification comes
RETRY = 20  # polls between two attempts to listen again


def _lost() -> tuple[type[Exception], ...]:
    """What the loss of the connection raises. Without PostgreSQL, its driver is not loaded."""
    if connection.vendor != "postgresql":
        return (DatabaseError,)
    import psycopg

    return (psycopg.Error, DatabaseError)


class NotifyListener:
    """Has a connection of its own, and opens a new one when it is lost."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._version = 0
        self._polls_left = 0

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        """Wait for a change, at most so many seconds; return whether there may be one."""
        if self._polls_left > 0:
            self._polls_left -= 1
            stopping.wait(POLL)
            return True
        try:
            return self._wait(stopping, seconds)
        except _lost() as error:
            reason = " ".join(str(error).split())
            logger.warning("cannot wait for notifications, polling instead: %s", reason)
            self.close()
            self._polls_left = RETRY
            return True

    def close(self) -> None:
        closing, self._connection = self._connection, None
        if closing is not None:
            closing.close()

    def _wait(self, stopping: threading.Event, seconds: float) -> bool:
        if self._connection is None:
            self._connection = connection.copy()
            self._begin()
            return True  # for what was committed before
        if connection.vendor == "postgresql":
            return self._is_notified(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stopping.wait(POLL):
            before, self._version = self._version, self._data_version()
            if self._version != before:
                return True
        return False

    def _is_notified(self, seconds: float) -> bool:
        """psycopg's own waiting wakes ten times a second."""
        line = self._connection.connection
        poll = select.poll()
        poll.register(line.fileno(), select.POLLIN)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            poll.poll(left * 1000)
            if any(True for _ in line.notifies(timeout=0)):
                return True
        return False

    def _begin(self) -> None:
        if connection.vendor != "postgresql":
            self._version = self._data_version()
            return
        with self._connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def _data_version(self) -> int:
        """A number that changes when another connection commits."""
        self._connection.ensure_connection()
        return commits.data_version(self._connection)
