"""Rounds of the collector, until it is sure of all keys."""

import time

from events.models import Cursor

WITHIN = 300.0  # seconds; a test of another database may last for minutes


def settle(collector):
    """Until nobody can fill a hole any more. PostgreSQL numbers the transactions of all databases
    of a server together, so those of other tests have to end, too."""
    deadline = time.monotonic() + WITHIN
    collector.round()
    while Cursor.objects.exclude(holes=[]).exists():
        assert time.monotonic() < deadline, list(Cursor.objects.exclude(holes=[]).values())
        time.sleep(0.05)
        collector.round()
