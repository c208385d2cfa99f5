"""Follow what can only be read once, or has positions of its own: a named pipe, and the journal.

Lines of a pipe that were read and not stored are lost with this process; the journal keeps them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.following.batches import AT_ONCE, LONGEST, Batch, Position, whole_lines

LATEST = "-1h"  # how much of a journal is read at first


class Stream:
    """Whole lines of a descriptor that is read without waiting. They are given again until
    `done`."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def lines(self, descriptor: int) -> tuple[list[str], bool]:
        """The lines that wait, and whether more may."""
        if self._lines:
            return self._lines, True
        data = _available(descriptor)
        lines, size = whole_lines(self._rest + data)
        self._rest = (self._rest + data)[size:]
        if len(self._rest) > LONGEST:
            self._rest = b""
        self._lines = lines
        return lines, len(data) >= AT_ONCE

    def done(self) -> None:
        self._lines = []


def _available(descriptor: int) -> bytes:
    found = b""
    while len(found) < AT_ONCE:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            break
        if not data:
            break
        found += data
    return found


class PipeLog:
    """A named pipe (fifo(7)) that the other program writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Reading and writing, so that the end of a writer is not the end of the pipe.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._stream = Stream()

    def read(self, position: Position | None) -> Batch:
        lines, more = self._stream.lines(self._descriptor)
        number = (position or {}).get("lines", 0) + len(lines)
        return Batch(lines, {"lines": number}, more)

    def done(self) -> None:
        self._stream.done()

    def close(self) -> None:
        os.close(self._descriptor)


class JournalLog:
    """The journal's messages of some programs (journalctl(1)); `folder` is another journal than
    this host's. A position is a cursor."""

    def __init__(self, identifiers: Sequence[str], folder: Path | None = None) -> None:
        self.identifiers, self.folder = tuple(identifiers), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._stream = Stream()
        self._cursor: str | None = None  # after the lines that were read last

    def read(self, position: Position | None) -> Batch:
        cursor = (position or {}).get("cursor")
        if self._process is None or self._process.poll() is not None or cursor != self._cursor:
            self._restart(cursor)
        assert self._process is not None
        assert self._process.stdout is not None
        texts, more = self._stream.lines(self._process.stdout.fileno())
        rows = [json.loads(text) for text in texts]
        if rows:
            cursor = rows[-1]["__CURSOR"]
        lines = [_line(row) for row in rows]
        return Batch(lines, {"cursor": cursor} if cursor else None, more)

    def done(self) -> None:
        """The next read goes on with the same journalctl."""
        if self._stream._lines:
            self._cursor = json.loads(self._stream._lines[-1])["__CURSOR"]
        self._stream.done()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _restart(self, cursor: str | None) -> None:
        self.close()
        self._stream, self._cursor = Stream(), cursor
        self._process = subprocess.Popen(
            self._command(cursor), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _command(self, cursor: str | None) -> list[str]:
        command = ["journalctl", "--quiet", "--follow", "--no-tail", "--output=json"]
        command += [f"--identifier={name}" for name in self.identifiers]
        if self.folder:
            command.append(f"--directory={self.folder}")
        return [*command, f"--after-cursor={cursor}" if cursor else f"--since={LATEST}"]


def _line(row: dict[str, Any]) -> str:
    """A message of the journal as a line of a log file with exact times."""
    message = row.get("MESSAGE")
    if isinstance(message, list):  # bytes that are not UTF-8
        message = bytes(message).decode("utf-8", "replace")
    at = datetime.fromtimestamp(int(row["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    program, process = row.get("SYSLOG_IDENTIFIER", ""), row.get("SYSLOG_PID", "0")
    return f"{at.isoformat()} {program}[{process}]: {message or ''}"
