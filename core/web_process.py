"""The web server process that runs this code: its number of threads, whether it is ending, and how
many requests wait for something to happen.

A request that waits holds one of the web server's threads, so at most half of the threads may wait;
a further one is refused. A wait ends when the process stops, and always before gunicorn's graceful
timeout."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _

from core.errors import Unavailable

LONGEST_WAIT = 15.0  # seconds

_workers: list[Any] = []  # gunicorn's worker object; empty under another web server
_lock = threading.Lock()
_waiting: set[object] = set()


def remember(worker: Any) -> None:
    """gunicorn's hook `post_worker_init`."""
    _workers[:] = [worker]


def threads() -> int:
    """How many requests are served at once; 4 where no gunicorn says otherwise."""
    return int(_workers[0].cfg.threads) if _workers else 4


def is_ending() -> bool:
    """Whether the process was told to end, so that a request that only waits returns."""
    return bool(_workers) and not _workers[0].alive


class TooManyWaiting(Unavailable):
    """The limit of waiting callers is reached."""

    code = "crowded"
    retry_after = 5


def most_waiters() -> int:
    """The number of callers that may wait in this process."""
    return max(1, threads() // 2)


def waiting() -> int:
    """The number of callers that wait in this process."""
    return len(_waiting)


@contextmanager
def waiting_place() -> Iterator[None]:
    """Occupy one of the waiting places. Raises TooManyWaiting when there is none."""
    place = object()
    with _lock:
        if len(_waiting) >= most_waiters():
            raise TooManyWaiting(
                _("Too many callers are waiting."),
                _("Retry in some seconds, or without wait."),
            )
        _waiting.add(place)
    try:
        yield
    finally:
        _waiting.discard(place)
