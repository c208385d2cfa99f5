"""Whether anything was committed: rounds that follow the database rest while it stands still."""

from __future__ import annotations

from typing import Any

from django.db import connection

from core.database import prepared

Mark = tuple[Any, ...]

# Which transactions a statement sees: the text changes when one begins to write and when it ends
# (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT).
_SNAPSHOT = "SELECT pg_current_snapshot()::text"


def mark() -> Mark:
    """What changes with every commit of this thread's connection or of another one. On SQLite two
    numbers that cost nothing to ask (https://sqlite.org/pragma.html#pragma_data_version)."""
    connection.ensure_connection()
    name = id(connection.connection)
    if connection.vendor == "sqlite":
        return name, data_version(connection), connection.connection.total_changes
    return name, prepared.rows(_SNAPSHOT)


def data_version(sqlite: Any) -> int:
    """The first of them, without a cursor of Django's, which takes ten times as long."""
    with sqlite.wrap_database_errors:
        (version,) = sqlite.connection.execute("PRAGMA data_version").fetchone()
    return int(version)
