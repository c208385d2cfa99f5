"""Expire services that send no heartbeats, and free their ports after the grace period."""

from __future__ import annotations

from core.periodic import PeriodicWork
from registry.services.sweep import Sweeper

TIDY_EVERY = 5  # rounds


class Sweep(PeriodicWork):
    """One round of the sweeper every two seconds: heartbeat timeouts are many seconds long."""

    name = "registry.worker"
    interval = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.sweeper = Sweeper()
        self.rounds = 0

    def work(self) -> None:
        self.sweeper.sweep()
        if self.rounds % TIDY_EVERY == 0:
            self.sweeper.tidy()
        self.rounds += 1
