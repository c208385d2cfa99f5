"""Progress of long work on a terminal."""

import time
from typing import Any


class Progress:
    """Prints `WHAT: DONE of TOTAL` at most five times a second, on a terminal or if `wanted`."""

    def __init__(self, stream: Any, *, wanted: bool) -> None:
        self._stream = stream
        self._is_shown = wanted or stream.isatty()
        self._next = time.monotonic() + 0.5  # short work prints nothing

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._is_shown or now < self._next:
            return
        self._next = now + 0.2
        line = f"{what}: {done} of {total}"
        if self._stream.isatty():
            self._stream.write(f"\r{line:<60}\r", ending="")
        else:
            self._stream.write(line)
