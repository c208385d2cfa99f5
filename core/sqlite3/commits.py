"""Whether anything was committed: rounds that follow the database rest while it stands still."""

from __future__ import annotations

from typing import Any

from django.db import connection

Mark = tuple[Any, ...]


def mark() -> Mark | None:
    """What changes with every commit of this thread's connection or of another one, on SQLite:
    two numbers that cost nothing to ask (https://sqlite.org/pragma.html#pragma_data_version).
    PostgreSQL has none, so there it is None."""
    if connection.vendor != "sqlite":
        return None
    connection.ensure_connection()
    return id(connection.connection), data_version(connection), connection.connection.total_changes


def data_version(sqlite: Any) -> int:
    """The first of them, without a cursor of Django's, which takes ten times as long."""
    with sqlite.wrap_database_errors:
        (version,) = sqlite.connection.execute("PRAGMA data_version").fetchone()
    return int(version)
