"""SQLite's online backup: one moment of a file that others go on writing to, and back in one
transaction."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from core.errors import Conflict, Unavailable
from ops.backup.archive import Progress

MEMBER = "database.sqlite3"
_PATIENCE = 15.0  # seconds for those who still use the database


def dump(target: Path, progress: Progress) -> dict[str, int]:
    """Copy the database; the rows of every table in it. Raises Unavailable when it is damaged."""
    progress("dump", 0, 1)
    try:
        with _opened(_path()) as source, _opened(target) as copy:
            _copy(source, copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file
            _require_whole(copy)
            return rows(copy)
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"the database {_path()} cannot be copied: {error}") from error


def load(copy: Path, reason: str) -> None:
    """Put the copy in the place of the database, or change nothing; its ledger is frozen. Raises
    Conflict.

    A damaged database is moved aside."""
    connection.close()
    with _opened(copy) as source:
        _require_whole(source)
        _freeze(source, reason)
        try:
            with _opened(_path()) as live:
                _copy(source, live)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise Unavailable(f"SQLite: {error}", hint="nothing was changed") from error
            _move_aside(_path())
            with _opened(_path()) as live:
                _copy(source, live)


def rows(database: sqlite3.Connection) -> dict[str, int]:
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return {
        name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        for (name,) in sorted(names)
    }


def _path() -> Path:
    return Path(connection.settings_dict["NAME"])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
    try:
        yield database
    finally:
        database.close()


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """All pages in one step: what others write meanwhile is not in it. Python would wait for a lock
    for ever."""
    source.backup(target, pages=-1, progress=_give_up_after(_PATIENCE))


def _give_up_after(seconds: float) -> Callable[[int, int, int], None]:
    deadline = time.monotonic() + seconds

    def look(status: int, remaining: int, total: int) -> None:
        if status != sqlite3.SQLITE_DONE and time.monotonic() > deadline:
            raise Conflict(
                "somebody uses the database; nothing was changed", hint="stop IPManager first"
            )

    return look


def _require_whole(database: sqlite3.Connection) -> None:
    try:
        (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise Unavailable(f"the database is damaged: {said}", hint="restore the last backup")


def _freeze(database: sqlite3.Connection, reason: str) -> None:
    """A backup of a version without a stamp is frozen when it has been migrated."""
    with contextlib.suppress(sqlite3.OperationalError):
        now = datetime.now(UTC).strftime("%F %T.%f")
        database.execute("UPDATE ledger_stamp SET frozen_at = ?, reason = ?", [now, reason[:255]])


def _move_aside(path: Path) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with contextlib.suppress(FileNotFoundError):
            part.rename(f"{part}.damaged-{now}")
    path.touch(0o600)
