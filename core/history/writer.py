"""Tell the triggers that write history where a change comes from, with the statement itself.

On PostgreSQL the origin travels in the same round trip as the statement, which also works without
a transaction and behind any connection pool. On SQLite it is a row that only the site's own
connections read, in the transaction of the statement. What says nothing is somebody's raw SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Model
from django.dispatch import receiver

from core.history import origin

WRITTEN_WITH_ORIGIN: dict[str, type[Model]] = {}  # tables whose lines triggers always write
DELETED_WITH_ORIGIN: set[str] = set()  # those whose deletion may take rows of the former along

_WRITES = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')
_COLUMN = re.compile(r'"(\w+)" = ')
_POSTGRESQL = "SELECT set_config('ipmanager.origin', %s, true); "
_SQLITE_TABLE = "SELECT 1 FROM sqlite_master WHERE name = 'history_origin'"
_SQLITE = (
    "INSERT OR REPLACE INTO history_origin (id, source, actor, change, user_id) "
    "VALUES (1, ?, ?, ?, ?)"
)


@receiver(connection_created)
def install_wrapper(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Let each statement of this connection pass through `tell_origin`."""
    if tell_origin not in connection.execute_wrappers:
        connection.execute_wrappers.append(tell_origin)


def tell_origin(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Execute a statement; if it writes a table with a history, say first who does it."""
    if not _is_recorded(sql):
        return execute(sql, params, many, context)
    connection = context["connection"]
    if connection.vendor == "postgresql":
        return _on_postgresql(execute, sql, params, many, context)
    if connection.in_atomic_block or sql.startswith("INSERT"):
        _tell_sqlite(connection)
        return execute(sql, params, many, context)
    with transaction.atomic(using=connection.alias):
        _tell_sqlite(connection)
        return execute(sql, params, many, context)


def _is_recorded(sql: Any) -> bool:
    found = _WRITES.match(sql) if isinstance(sql, str) else None
    if found is None:
        return False
    verb, table = found.groups()
    if verb == "UPDATE" and table in WRITTEN_WITH_ORIGIN:
        return not _updated(sql.partition(" WHERE ")[0]) <= _clocks(table)
    is_deletion = verb == "DELETE FROM" and table in DELETED_WITH_ORIGIN
    return is_deletion or table in WRITTEN_WITH_ORIGIN


def _updated(head: str) -> set[str]:
    """The columns that an UPDATE of Django's sets; none of anybody else's."""
    return set(_COLUMN.findall(head)) or {""}


@cache
def _clocks(table: str) -> set[str]:
    """The columns that the history leaves out: to change them writes no line."""
    model: Any = WRITTEN_WITH_ORIGIN[table]
    kept = {field.column for field in model.history.model.tracked_fields}
    return {field.column for field in model._meta.concrete_fields} - kept


def _on_postgresql(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    now = origin.current()
    told = {"source": now.source, "actor": now.actor, "change": now.change}
    text = json.dumps(told | {"user": origin.user_id()}).replace("\\u0000", "")
    cursor = context["cursor"]
    if many or isinstance(params, dict):
        cursor.cursor.execute(_POSTGRESQL, [text])
        return execute(sql, params, many, context)
    if params is None:
        sql, params = sql.replace("%", "%%"), ()
    result = execute(_POSTGRESQL + sql, (text, *params), many, context)
    cursor.cursor.nextset()  # the first result is that of set_config
    return result


def _tell_sqlite(connection: Any) -> None:
    """Write the row; before the first migration there is no table, nor a trigger that reads it."""
    raw = connection.connection
    if not getattr(connection, "_tells_origin", False):
        connection._tells_origin = raw.execute(_SQLITE_TABLE).fetchone() is not None
    if connection._tells_origin:
        now = origin.current()
        raw.execute(_SQLITE, (now.source, now.actor, now.change, origin.user_id()))
