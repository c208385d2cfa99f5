"""Dump and load by SQLite's online backup: a consistent copy while others go on writing, loaded in
one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from core.errors import Conflict, Unavailable
from ops.backup.archive import OnProgress

MEMBER = "database.sqlite3"
_LOCK_TIMEOUT = 15.0  # seconds


def dump(target: Path, progress: OnProgress) -> dict[str, int]:
    """Copy the database, and count the rows of every table in the copy. Raises Unavailable if it is
    damaged."""
    progress("dump", 0, 1)
    try:
        with _open(_path()) as source, _open(target) as copy:
            _copy(source, copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # so that it is one file
            _require_intact(copy)
            return _count_rows(copy)
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"the database {_path()} cannot be copied: {error}") from error


def load(copy: Path, reason: str, then: Sequence[str] = ()) -> None:
    """Replace the database by the copy, with a frozen ledger and changed by the statements `then`,
    or change nothing. A damaged database is renamed. Raises Conflict, Unavailable."""
    connection.close()
    with _open(copy) as source:
        _require_intact(source)
        _freeze(source, reason)
        for statement in then:
            source.execute(statement)
        try:
            with _open(_path()) as live:
                _copy(source, live)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise Unavailable(f"SQLite: {error}", hint="nothing was changed") from error
            _set_aside(_path())
            with _open(_path()) as live:
                _copy(source, live)


def _count_rows(database: sqlite3.Connection) -> dict[str, int]:
    counts = {}
    names = database.execute(
        "SELECT name FROM sqlite_master "
        "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    for (name,) in names.fetchall():
        (counts[name],) = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()
    return counts


def _path() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_TIMEOUT)
    try:
        yield database
    finally:
        database.close()


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all pages in one step, so that the copy is consistent. Python itself would wait for a
    lock without end."""
    source.backup(target, pages=-1, progress=_deadline(_LOCK_TIMEOUT))


def _deadline(seconds: float) -> Callable[[int, int, int], None]:
    """A progress handler that raises Conflict when the backup is not done after these seconds."""
    deadline = time.monotonic() + seconds

    def check(status: int, remaining: int, total: int) -> None:
        if status != sqlite3.SQLITE_DONE and time.monotonic() > deadline:
            raise Conflict(
                "the database is in use; nothing was changed", hint="stop IPManager first"
            )

    return check


def _require_intact(database: sqlite3.Connection) -> None:
    try:
        (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        answer = str(error)
    if answer != "ok":
        raise Unavailable(f"the database is damaged: {answer}", hint="restore the last backup")


def _freeze(database: sqlite3.Connection, reason: str) -> None:
    """Freeze the ledger. A backup of a version without a stamp is frozen after it is migrated."""
    with contextlib.suppress(sqlite3.OperationalError):
        now = datetime.now(UTC).strftime("%F %T.%f")
        database.execute("UPDATE ledger_stamp SET frozen_at = ?, reason = ?", [now, reason[:255]])


def _set_aside(path: Path) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with contextlib.suppress(FileNotFoundError):
            part.rename(f"{part}.damaged-{now}")
    path.touch(0o600)
