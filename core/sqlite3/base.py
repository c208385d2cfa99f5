"""Keep SQLite connections open between requests: opening one costs more than most requests.

Django asks `is_usable` once per request (CONN_HEALTH_CHECKS). A connection is replaced when the
database file was replaced, when a statement failed for another reason than its values, and in a
process that inherited it by fork.

Transactions of one process wait for each other in a queue, not in SQLite, whose waiting is a sleep
of up to a tenth of a second: with eight writers the queue is four times as fast, and the slowest
hundredth ten times."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from typing import Any

from django.db import connections
from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

FileIdentity = tuple[int, ...]
# SQLite writes the log back into the database after each MB or so, but while one reader follows the
# other it never begins the log anew. Above LONG_LOG bytes the next request waits for the readers,
# at most PATIENCE milliseconds and at most once per second.
LONG_LOG = 16 * 1024 * 1024
PATIENCE = 100

_opened: set[str] = set()  # files that this process has had open
_turns: dict[str, threading.Lock] = defaultdict(threading.Lock)  # by file
_shortened: dict[str, float] = {}  # by file: when its log was last found too long
_inherited: list[Any] = []  # connections of the parent process, which must not be used or closed


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that notices when its file is replaced."""

    _database: FileIdentity | None = None  # None: replaced while it was being opened
    _log: FileIdentity = ()  # of the write-ahead log
    _turn: threading.Lock | None = None  # while a transaction is open

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Raises OperationalError if a file that was open before is missing: SQLite would create an
        empty one."""
        name = str(conn_params["database"])
        before = identity(name)
        if not before and name in _opened:
            raise OperationalError(f"the database file {name} is missing")
        opened = super().get_new_connection(conn_params)
        if not self.is_in_memory_db():
            _opened.add(name)
        self._database, self._log = identity(name), ()
        if before and before != self._database:
            self._database = None
        return opened

    def is_usable(self) -> bool:
        """Whether the connection still has the file that its name stands for.

        Raises OperationalError if the log was removed from beside it: to close the connection would
        write the removed log into whatever the file holds now."""
        name = str(self.settings_dict["NAME"])
        if identity(name) != self._database:
            return False
        log, size = log_of(name)
        self._log = self._log or log
        if log != self._log:
            raise OperationalError(
                f"{name}-wal was removed while the database was in use. Stop IPManager, restore "
                "the database, start IPManager."
            )
        if size > LONG_LOG and not self.errors_occurred:
            self._shorten_log(name)
        return not self.errors_occurred

    def _shorten_log(self, name: str) -> None:
        """Write the whole log back into the database and cut it, unless a reader takes too long."""
        now = time.monotonic()
        if now < _shortened.get(name, 0.0) + 1:
            return
        _shortened[name] = now
        usual = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self.connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        with self.wrap_database_errors:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.connection.execute(f"PRAGMA busy_timeout = {usual}")

    def _start_transaction_under_autocommit(self) -> None:
        """Wait for this thread's turn, then for other processes. Raises OperationalError."""
        turn = _turns[str(self.settings_dict["NAME"])]
        if not turn.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5)):
            raise OperationalError("database is locked")
        self._turn = turn
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        """A commit that fails is followed by a rollback, which ends the turn."""
        super()._commit()  # type: ignore[misc]
        self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._turn:
            self._turn.release()
        self._turn = None


def identity(path: str) -> FileIdentity:
    """What tells one file from another that takes its place, and who may write to it. The inode of
    an open file is not given to another one. Empty if there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid


def log_of(name: str) -> tuple[FileIdentity, int]:
    """The write-ahead log beside a file, and its size in bytes."""
    try:
        status = os.stat(f"{name}-wal")
    except OSError:
        return (), 0
    return (status.st_dev, status.st_ino), status.st_size


def _forget_inherited() -> None:
    """In the child of a fork: open new connections instead of the parent's
    (https://www.sqlite.org/howtocorrupt.html, 2.6)."""
    _turns.clear()
    for wrapper in connections.all(initialized_only=True):
        if isinstance(wrapper, DatabaseWrapper) and wrapper.connection is not None:
            _inherited.append(wrapper.connection)
            wrapper.connection = wrapper._turn = None


os.register_at_fork(after_in_child=_forget_inherited)
