"""Expire services that send no heartbeats, and free their ports after the grace period."""

from __future__ import annotations

from core.periodic import PeriodicWork
from registry.services.sweep import Sweeper

TIDY_EVERY = 10  # rounds


class Sweep(PeriodicWork):
    """Each second: one round of the sweeper."""

    name = "registry.worker"

    def __init__(self) -> None:
        super().__init__()
        self.sweeper = Sweeper()
        self.rounds = 0

    def work(self) -> None:
        self.sweeper.sweep()
        if self.rounds % TIDY_EVERY == 0:
            self.sweeper.tidy()
        self.rounds += 1
