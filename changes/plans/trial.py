"""Try something out: it is written and taken back, and no writer waits for it.

On PostgreSQL it takes rows, but not the lock of the ledger, and gives way where somebody else has
one of these rows: after half a second, before PostgreSQL looks for deadlocks. SQLite has one lock
for all writers, so there it works on a copy in memory, one at a time; a database that is too large
for that is tried in its place, and writers wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.database import prepared, sql
from core.errors import Unavailable
from ipam.querysets import without_lock

_SQL = Path(__file__).parent.parent / "sql" / "postgresql" / "tried_subnets.sql"
_LOCK_NOT_AVAILABLE = "55P03"
_BYTES = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
LARGEST_COPY = 128 * 2**20  # bytes
_one_copy = threading.Lock()


@contextmanager
def trial() -> Iterator[None]:
    """Nothing that is written within the block stays. Raises Unavailable where somebody is changing
    the same rows."""
    try:
        with _place(), without_lock(), transaction.atomic():
            _stand_aside()
            yield
            transaction.set_rollback(True)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        text = _("Somebody is changing the same rows just now.")
        raise Unavailable(text, _("Look again in a moment.")) from error


def _place() -> AbstractContextManager[None]:
    """Where it is tried. A transaction that is open already holds its locks."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return nullcontext()
    return _copy() if _size() <= LARGEST_COPY else nullcontext()


def _size() -> int:
    """Of the database, in bytes (https://sqlite.org/pragma.html#pragma_page_count)."""
    ((size,),) = prepared.rows(_BYTES)
    return int(size)


def _stand_aside() -> None:
    """No other connection sees, or waits for, what is done to subnets."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql.statement(_SQL))


@contextmanager
def _copy() -> Iterator[None]:
    """The database as it is now, in memory: the connection of this thread within the block."""
    present = connections[DEFAULT_DB_ALIAS]
    present.ensure_connection()
    with _one_copy:
        copy = type(present)({**present.settings_dict, "NAME": ":memory:"}, DEFAULT_DB_ALIAS)
        copy.connect()
        try:
            present.connection.backup(copy.connection)
            connections[DEFAULT_DB_ALIAS] = copy
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = present
            BaseDatabaseWrapper.close(copy)  # Django keeps a database in memory open
