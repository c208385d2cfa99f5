"""Wait for a change of an environment's services (long polling): few callers at a time, and not
for long.

A waiting caller holds one of the web server's threads, so at most half of the threads may wait;
further callers get a 503. A wait ends when the process stops, and always before gunicorn's graceful
timeout."""

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
_SHARE = 20  # the queries take at most 1/20 of the waiting time, however many services exist

_lock = threading.Lock()
_waiting: set[object] = set()


class TooManyWaiting(Unavailable):
    """The limit of waiting callers is reached."""

    code = "crowded"
    retry_after = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The services of an environment at one moment. Equal cursors mean equal services."""

    services: tuple[ServiceRecord, ...]
    cursor: str


def changed(environment: str, since: str, seconds: float) -> Snapshot:
    """The services as soon as their cursor differs from `since`, or after so many seconds,
    LONGEST_WAIT at most.

    Raises TooManyWaiting instead of waiting at the limit of this process."""
    first = snapshot(environment)
    if first.cursor != since or seconds <= 0:
        return first
    with _waiting_place():
        return _wait(environment, first, time.monotonic() + min(seconds, LONGEST_WAIT))


def most_waiters() -> int:
    """The number of callers that may wait in this process."""
    return max(1, web_process.threads() // 2)


def waiting() -> int:
    """The number of callers that wait in this process."""
    return len(_waiting)


def snapshot(environment: str) -> Snapshot:
    """The services now. Two queries."""
    records = tuple(Service.objects.records(environment))
    return Snapshot(records, cursor(records))


def cursor(records: tuple[ServiceRecord, ...]) -> str:
    """A short digest of what others see of the services. Heartbeats do not change it."""
    seen = [
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
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:24]


@contextmanager
def _waiting_place() -> Iterator[None]:
    """Occupy one of the waiting places. Raises TooManyWaiting when there is none."""
    place = object()
    with _lock:
        if len(_waiting) >= most_waiters():
            raise TooManyWaiting(
                _("Too many callers are waiting for changes."),
                _("Retry in some seconds, or without wait."),
            )
        _waiting.add(place)
    try:
        yield
    finally:
        _waiting.discard(place)


def _wait(environment: str, first: Snapshot, deadline: float) -> Snapshot:
    """Take snapshots until one differs, the deadline passes, or the process stops."""
    last, took = first, 0.0
    while last.cursor == first.cursor and not web_process.is_ending():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(left, max(_PAUSE, took * _SHARE)))
        started = time.monotonic()
        last = snapshot(environment)
        took = time.monotonic() - started
    return last
