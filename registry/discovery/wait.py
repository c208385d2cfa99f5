"""Wait for a change of an environment's services (long polling)."""

import hashlib
import time
from dataclasses import dataclass

from core import web_process
from core.web_process import LONGEST_WAIT, waiting_place
from registry.models import Service
from registry.records import ServiceRecord

_PAUSE = 0.5
_SHARE = 20  # the queries take at most 1/20 of the waiting time, however many services exist


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
    with waiting_place():
        return _wait(environment, first, time.monotonic() + min(seconds, LONGEST_WAIT))


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
