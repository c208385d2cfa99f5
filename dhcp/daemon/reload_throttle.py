"""How soon dnsmasq may be reloaded again: at once after a single edit, later the more changes there
were.

dnsmasq answers nobody while it reads its files. So a reload is followed by a pause of 40 ms for
each change that it brought, or of its own duration, at most two seconds: an edit now and then is
served at once, a thousand edits within ten seconds cause a handful of reloads. The end of the pause
stands in a file, because the next reload may come from another process."""

from __future__ import annotations

import time
from pathlib import Path

PER_CHANGE = 0.04  # seconds
LONGEST = 2.0  # seconds


def begin_pause(path: Path, changes: int, seconds: float) -> None:
    """Begin the pause after a reload that brought this many changes and took this long."""
    end = time.time() + min(max(changes * PER_CHANGE, seconds), LONGEST)
    try:
        path.write_text(repr(end))
    except OSError:
        return  # the next reload comes too early, which costs less than a failed sync


def seconds_left(path: Path) -> float:
    """Seconds until the pause is over; 0 when there is none, or when the clock was set back
    meanwhile."""
    try:
        end = float(path.read_text())
    except (OSError, ValueError):
        return 0.0
    left = end - time.time()
    if 0 < left <= LONGEST:
        return left
    return 0.0
