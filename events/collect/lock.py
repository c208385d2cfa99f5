"""One collector at a time, as long as its transaction lasts.

On PostgreSQL it is the lock of a row, which ends with the connection of a process that dies. On
SQLite a transaction is alone by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from events.models import Cursor

ROW = "lock"
STOPPED = "20s"  # PostgreSQL ends a collector that idles in its transaction for so long


@contextmanager
def held(*, wait: bool = False) -> Iterator[bool]:
    """A transaction, and whether it is the collector's. All events are written in such a one."""
    with transaction.atomic():
        yield _take(wait)


def _take(wait: bool) -> bool:
    if connection.vendor != "postgresql":
        return True
    Cursor.objects.get_or_create(table=ROW)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{STOPPED}'")
    row = Cursor.objects.select_for_update(skip_locked=not wait).filter(table=ROW)
    return bool(row.values_list("pk", flat=True))
