"""Which log a setting names, and who is told of its lines."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from core.following.batches import Log
from core.following.entries import Entry
from core.following.files import FileLog
from core.following.streams import JournalLog, PipeLog

JOURNAL = "journal"

# A consumer stores what the entries say, in the transaction that stores the position. The second
# argument is the key of the server whose log it is; None is the default one.
Consumer = Callable[[Sequence[Entry], int | None], None]
_consumers: dict[str, list[Consumer]] = defaultdict(list)


def open_log(text: str, identifiers: Sequence[str]) -> Log:
    """The log that a setting names: a path, `journal`, or `journal:DIRECTORY`. Raises OSError."""
    if text == JOURNAL:
        return JournalLog(identifiers)
    if text.startswith(f"{JOURNAL}:"):
        return JournalLog(identifiers, Path(text.removeprefix(f"{JOURNAL}:")))
    path = Path(text)
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        return PipeLog(path)
    return FileLog(path)


def consume(program: str, consumer: Consumer) -> None:
    """Tell the consumer of every line that this program logs."""
    if consumer not in _consumers[program]:
        _consumers[program].append(consumer)


def consumers(program: str) -> Sequence[Consumer]:
    return tuple(_consumers[program])
