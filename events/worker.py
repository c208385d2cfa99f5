"""Collect events, each second."""

from __future__ import annotations

from django.db import connection

from core.periodic import PeriodicWork
from events.collect.collector import Collector


class Collect(PeriodicWork):
    """Makes events of what was committed since the last round."""

    name = "events.collect"

    def __init__(self) -> None:
        super().__init__()
        self.collector = Collector()
        self._version: int | None = None  # of the database when it was read to its end

    def work(self) -> None:
        version = data_version()
        if version is None or version != self._version:
            self.collector.round()
        self._version = version


def data_version() -> int | None:
    """SQLite: a number that changes when another connection commits, which costs nothing to ask
    (https://sqlite.org/pragma.html). PostgreSQL has none."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])
