"""Wait for a change of an environment's services: few callers at a time, and not for long.

Who waits holds one of the web server's threads, so half of them stay free for everybody else; the
others are sent away for a moment. A wait ends when the process shall, and in any case before
gunicorn's graceful time-out."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core import web_process
from core.errors import Unavailable
from registry.models import Service
from registry.records import ServiceRecord

LONGEST_WAIT = 15.0
_PAUSE = 0.5
_SHARE = 20  # looking takes no more than this part of the time, however many services there are

_lock = threading.Lock()
_waiting: set[object] = set()


class Crowded(Unavailable):
    """As many callers wait as may."""

    code = "crowded"
    retry_after = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """An environment's services at one moment; the same `cursor` means the same services."""

    services: tuple[ServiceRecord, ...]
    cursor: str


def changed(environment: str, since: str, seconds: float) -> Seen:
    """The services as soon as their cursor is not `since`, or after so many seconds, LONGEST_WAIT
    at most.

    Raises Crowded instead of waiting when as many as may wait in this process already.
    """
    seen = look(environment)
    if seen.cursor != since or seconds <= 0:
        return seen
    with _place():
        return _wait(environment, seen, time.monotonic() + min(seconds, LONGEST_WAIT))


def most_waiters() -> int:
    """How many may wait in this process."""
    return max(1, web_process.threads() // 2)


def waiting() -> int:
    """How many wait in this process."""
    return len(_waiting)


def look(environment: str) -> Seen:
    """The services as they are now; two queries."""
    records = tuple(Service.objects.records(environment))
    return Seen(records, cursor(records))


def cursor(records: tuple[ServiceRecord, ...]) -> str:
    """A short text for all that is told of services. Heartbeats alone are no change."""
    told = [
        (
            x.service_id,
            x.name,
            x.type,
            str(x.ip),
            str(x.address),
            x.port,
            x.protocol,
            x.status,
            x.dependencies,
            x.container_port,
        )
        for x in records
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


@contextmanager
def _place() -> Iterator[None]:
    """One of the places for those who wait. Raises Crowded when there is none."""
    place = object()
    with _lock:
        if len(_waiting) >= most_waiters():
            raise Crowded(
                _("Too many callers are waiting for changes."),
                _("Ask again in some seconds, or without wait."),
            )
        _waiting.add(place)
    try:
        yield
    finally:
        _waiting.discard(place)


def _wait(environment: str, seen: Seen, deadline: float) -> Seen:
    last = seen
    while (
        last.cursor == seen.cursor
        and (left := deadline - time.monotonic()) > 0
        and not web_process.is_ending()
    ):
        started = time.monotonic()
        last = look(environment)
        took = time.monotonic() - started
        if last.cursor == seen.cursor:
            time.sleep(min(left, max(_PAUSE, took * _SHARE)))
    return last
