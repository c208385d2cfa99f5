"""Statements that PostgreSQL plans once for each connection, for the routes where planning costs more than the work.

On the hot routes psycopg's cursor takes longer to hand a statement over than PostgreSQL to answer it. So they speak to
libpq themselves, by the layer that psycopg documents for it (`psycopg.pq`), with psycopg's own conversions both ways.
"""

import re
import select
from collections.abc import Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections

Params = Mapping[str, Any]
Row = tuple[Any, ...]

# What each connection has planned: the statement's text with the types of its parameters, and the name it has there.
_planned: WeakKeyDictionary[Any, dict[tuple[str, tuple[int, ...]], bytes]] = WeakKeyDictionary()
_PARAMETER = re.compile(r"%\((\w+)\)s")


def rows(sql: str, params: Params | None = None) -> list[Row]:
    """What the statement gives; its parameters as in %(name)s. Queries that are being logged, and those of a
    transaction, go Django's usual way, which knows how to log them and when to begin."""
    connection: Any = connections[DEFAULT_DB_ALIAS]  # the proxy django.db.connection looks this up at every step
    if connection.vendor != "postgresql" or connection.queries_logged or connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    connection.close_if_health_check_failed()  # as Django's own cursors do, once for each request
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _ask(connection.connection, sql, params or {})


def _ask(line: Any, sql: str, params: Params) -> list[Row]:
    from psycopg.adapt import PyFormat, Transformer
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    text, names = _numbered(sql)
    converter = Transformer.from_context(line)
    values = converter.dump_sequence([params[name] for name in names], [PyFormat.AUTO] * len(names))
    result = line.pgconn.exec_prepared(_plan(line, text, converter.types or ()), values, converter.formats)
    if result.status != ExecStatus.TUPLES_OK:
        raise error_from_result(result, encoding=line.info.encoding)
    converter.set_pgresult(result)
    return list(converter.load_rows(0, result.ntuples, tuple))


def _plan(line: Any, text: str, types: tuple[int, ...]) -> bytes:
    """The name by which this connection knows the statement."""
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    known = _planned.setdefault(line, {})
    if (name := known.get((text, types))) is None:
        name = b"ipmanager_%d" % len(known)
        result = line.pgconn.prepare(name, text.encode(), types)
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, encoding=line.info.encoding)
        known[text, types] = name
    return name


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with $1, $2, … for its parameters, and whose places these are."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


def look() -> None:
    """Before the first statement of a request, in the place of Django's own SELECT 1: a server that has gone has hung
    up, and whoever hangs up can be heard. Without a word from it the connection is as good as that SELECT would show.
    """
    connection: Any = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql" or connection.connection is None or connection.in_atomic_block:
        return
    line = connection.connection
    if line.closed or _speaks(line.fileno()):
        connection.close()
    connection.health_check_done = connection.connection is not None


def _speaks(descriptor: int) -> bool:
    """Whether something can be read there now."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
