"""Statements that PostgreSQL plans once for each connection, for the routes where planning costs more than the work."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Params = Sequence[Any] | Mapping[str, Any]


def rows(sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
    """What the statement gives. Queries that are being logged go Django's usual way, which knows how to log them."""
    if connection.vendor != "postgresql" or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()
    from psycopg import Cursor

    connection.close_if_health_check_failed()  # as Django's own cursors do, once for each request
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(sql, params, prepare=True).fetchall()
