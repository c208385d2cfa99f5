"""The worker's part: conflicts and unknown devices follow what was seen and changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from core.periodic import DatabaseState, PeriodicWork
from discovery.conflicts import derive
from discovery.inbox import derive as inbox

EVERY = 5.0  # seconds between two rounds
EVERYTHING = 600.0  # seconds between two full rounds


class FindConflicts(PeriodicWork):
    """Rounds over what has changed; a full one at the start and now and then. `now` is a monotonic
    clock."""

    name = "discovery.conflicts"
    interval = EVERY
    rest = 30.0
    first_pause = 2.0
    longest_pause = 30.0

    def __init__(
        self, database: DatabaseState | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(database)
        self.now = now
        self.done: datetime | None = None  # until when everything is judged
        self.full_at = 0.0

    def work(self) -> None:
        started = timezone.now()
        if self.done is None or self.now() >= self.full_at:
            found, devices = derive.full_round(started), inbox.full_round(started)
            self.full_at = self.now() + EVERYTHING
        else:
            since = self.done - derive.OVERLAP
            found, devices = derive.round_since(since, started), inbox.round_since(since)
        self.done = started
        if found.opened or found.ended:
            self.logger.info("conflicts: %d opened, %d ended", found.opened, found.ended)
        if devices.new or devices.settled:
            text = "unknown devices: %d found, %d in the ledger now"
            self.logger.info(text, devices.new, devices.settled)
