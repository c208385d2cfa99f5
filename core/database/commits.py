"""Whether anything was committed: rounds that follow the database rest while it stands still."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from core.database import prepared

Mark = tuple[Any, ...]

# Which transactions a statement sees: the text changes when one begins to write and when it ends
# (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT).
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_OWN = "SELECT pg_current_xact_id_if_assigned()::text"

# The newest snapshot that differs from an older one by transactions of `unnoticed` alone: both.
_same = ("", "")
_one = threading.Lock()  # of two such transactions at once, each would notice the other


def mark() -> Mark:
    """What changes with every commit of this thread's connection or of another one. On SQLite two
    numbers that cost nothing to ask (https://sqlite.org/pragma.html#pragma_data_version)."""
    connection.ensure_connection()
    name = id(connection.connection)
    if connection.vendor == "sqlite":
        return name, data_version(connection), connection.connection.total_changes
    return name, _known(_snapshot())


@contextmanager
def unnoticed() -> Iterator[None]:
    """A transaction after which `mark` is as before, in this process: a heartbeat, which nothing
    follows. Whatever else was committed meanwhile is noticed. On SQLite all is noticed."""
    global _same
    if connection.vendor == "sqlite":
        yield
        return
    with _one:
        with transaction.atomic():
            before = _snapshot()
            yield
            ((own,),) = prepared.rows(_OWN)
        after = _snapshot()
        if own and (before, after) == (_all_before(int(own)), _all_before(int(own) + 1)):
            _same = after, _known(before)


def _snapshot() -> str:
    ((text,),) = prepared.rows(_SNAPSHOT)
    return str(text)


def _known(snapshot: str) -> str:
    newest, older = _same
    return older if snapshot == newest else snapshot


def _all_before(number: int) -> str:
    """The snapshot in which all transactions below this number have ended, and no other began."""
    return f"{number}:{number}:"


def data_version(sqlite: Any) -> int:
    """The first of them, without a cursor of Django's, which takes ten times as long."""
    with sqlite.wrap_database_errors:
        (version,) = sqlite.connection.execute("PRAGMA data_version").fetchone()
    return int(version)
