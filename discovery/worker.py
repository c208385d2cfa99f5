"""Discovery in the worker, or in the agent of a site."""

from __future__ import annotations

import time

from core.periodic import PeriodicWork
from discovery import squatters
from discovery.rounds import Prober
from ipam.sightings.record import forget

NEIGHBOURS_EVERY = 15.0  # seconds between two looks at the neighbour table
SWEEP_EVERY = 600.0  # what the steps of rounds have not seen: reports, the DHCP log
FORGET_EVERY = 3600.0


class Discovery(PeriodicWork):
    """A step of every round that is due, again and again; then a pause."""

    name = "discovery.worker"
    interval = 1.0
    rest = 5.0

    def __init__(self, agent: str = "") -> None:
        super().__init__()
        self.prober = Prober(agent)
        self.look_at, self.sweep_at, self.forget_at = 0.0, 0.0, 0.0

    def work(self) -> None:
        goes_on = True
        while goes_on and not self.stopping.is_set():
            goes_on = self.prober.step() > 0
            self._look_around()

    def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self.look_at:
            self.look_at = now + NEIGHBOURS_EVERY
            self.prober.look_at_neighbours()
            self._keep_house(now)

    def _keep_house(self, now: float) -> None:
        if self.prober.agent:
            return  # the worker does it for all
        squatters.release()
        if now >= self.sweep_at:
            self.sweep_at = now + SWEEP_EVERY
            squatters.quarantine()
        if now >= self.forget_at:
            self.forget_at = now + FORGET_EVERY
            forget()
