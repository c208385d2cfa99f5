"""Hear at once of new change rows: PostgreSQL tells whoever listens; elsewhere one has to look."""

from __future__ import annotations

import logging
import threading
from typing import Any

import psycopg
from django.db import DatabaseError, connection

from dhcp.sql.database import CHANNEL

logger = logging.getLogger("dhcp.worker")

POLL = 0.25  # seconds between two looks where nobody tells
RETRY = 20  # looks between two attempts to listen again


class Ear:
    """A connection of its own that waits for the database's word, and is made anew when it is
    lost."""

    def __init__(self) -> None:
        self._line: Any = None
        self._deaf_for = 0

    def listen(self, stopping: threading.Event, seconds: float) -> bool:
        """Wait for news, at most so long; whether there may be some."""
        if connection.vendor != "postgresql" or self._deaf_for > 0:
            self._deaf_for -= 1
            stopping.wait(POLL)
            return True
        try:
            return self._hear(seconds)
        except (psycopg.Error, DatabaseError) as error:
            logger.warning(
                "the database cannot be listened to, so we look: %s", " ".join(str(error).split())
            )
            self.close()
            self._deaf_for = RETRY
            return True

    def _hear(self, seconds: float) -> bool:
        if self._line is None:
            line = connection.copy()
            with line.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._line = line
            return True  # what was told before we listened
        return any(True for _ in self._line.connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
