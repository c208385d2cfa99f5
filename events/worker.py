"""Collect events, each second."""

from __future__ import annotations

import time

from core.periodic import PeriodicWork
from events.collect import lease_ends, states, thresholds
from events.collect.collector import Collector
from events.collect.lasting import SOURCES
from events.collect.live import Awaited


class Collect(PeriodicWork):
    """Makes events of what was committed since the last round."""

    name = "events.collect"
    rest = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.collector = Collector()

    def work(self) -> None:
        self.collector.round()


class Watch(PeriodicWork):
    """Tells of the beginning and the end of what lasts, and of machines that are live."""

    name = "events.watch"
    interval = 5.0
    rest = 20.0
    usage_every = 600.0

    def __init__(self) -> None:
        super().__init__()
        self.awaited = Awaited()
        self.due: dict[str, float] = {}  # of the sources that have begun
        self.usage_due = 0.0

    def work(self) -> None:
        now = time.monotonic()
        for name in SOURCES.keys() - self.due.keys():
            states.begin(name, SOURCES[name].now())
        due = {name: one for name, one in SOURCES.items() if now >= self.due.get(name, 0.0)}
        states.look(due)
        self.due |= {name: now + source.every for name, source in due.items()}
        self.awaited.look()
        lease_ends.tell()
        if now >= self.usage_due:
            self.usage_due = now + self.usage_every
            thresholds.look_at(thresholds.nearly_full())
