"""Prepared statements for the routes where planning costs more than the work itself.

On hot routes psycopg's cursor takes longer to send a statement than PostgreSQL to answer it, so
these statements use libpq directly (`core.database.libpq`)."""

import select
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Params = Mapping[str, Any]
Row = tuple[Any, ...]


def database() -> Any:
    """This thread's connection. django.db.connection is a proxy that looks it up at each access."""
    return connections[DEFAULT_DB_ALIAS]


@cache
def vendor() -> str:
    """postgresql or sqlite."""
    return str(database().vendor)


def rows(sql: str, params: Params | None = None, connection: Any = None) -> list[Row]:
    """Return the rows of a statement with parameters as in %(name)s.

    In a transaction, and while queries are logged, Django's cursor is used: it knows how to log
    them and when to begin."""
    connection = connection or database()
    if connection.vendor != "postgresql" or connection.queries_logged or connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    connection.close_if_health_check_failed()  # as Django's cursors do, once per request
    connection.ensure_connection()
    from core.database import libpq  # needs psycopg

    with connection.wrap_database_errors:
        return libpq.execute(connection.connection, sql, params or {})


def checked_database() -> Any:
    """Return `database()`, without a connection that the server has closed.

    For the start of a request, instead of Django's SELECT 1: a server that went away has closed the
    connection, which can be seen without a round trip."""
    connection = database()
    if (
        connection.vendor != "postgresql"
        or connection.connection is None
        or connection.in_atomic_block
    ):
        return connection
    line = connection.connection
    if line.closed or _is_readable(line.fileno()):
        connection.close()
    connection.health_check_done = connection.connection is not None
    return connection


def _is_readable(descriptor: int) -> bool:
    """Whether data or the end of the connection waits there."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
