"""Statements that PostgreSQL plans once for each connection, for the routes where planning costs
more than the work.

On the hot routes psycopg's cursor takes longer to hand a statement over than PostgreSQL to answer
it. So they speak to libpq themselves (`core.libpq`)."""

import select
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Params = Mapping[str, Any]
Row = tuple[Any, ...]


def database() -> Any:
    """This thread's django.db.connection itself: what bears that name looks it up at every step."""
    return connections[DEFAULT_DB_ALIAS]


@cache
def vendor() -> str:
    """Which database this is: postgresql or sqlite."""
    return str(database().vendor)


def rows(sql: str, params: Params | None = None, connection: Any = None) -> list[Row]:
    """What the statement gives; its parameters as in %(name)s. Queries that are being logged, and
    those of a transaction, go Django's usual way, which knows how to log them and when to begin."""
    connection = connection or database()
    if connection.vendor != "postgresql" or connection.queries_logged or connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    connection.close_if_health_check_failed()  # as Django's own cursors do, once for each request
    connection.ensure_connection()
    from core import libpq  # needs psycopg

    with connection.wrap_database_errors:
        return libpq.ask(connection.connection, sql, params or {})


def look() -> Any:
    """Before the first statement of a request, in the place of Django's own SELECT 1: a server that
    has gone has hung up, and whoever hangs up can be heard. Without a word from it the connection
    is as good as that SELECT would show. Returns `database()`."""
    connection = database()
    if (
        connection.vendor != "postgresql"
        or connection.connection is None
        or connection.in_atomic_block
    ):
        return connection
    line = connection.connection
    if line.closed or _speaks(line.fileno()):
        connection.close()
    connection.health_check_done = connection.connection is not None
    return connection


def _speaks(descriptor: int) -> bool:
    """Whether something can be read there now."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
