"""Take back machines whose time to live has ended."""

from __future__ import annotations

from core.periodic import PeriodicWork
from ipam import freeze
from machines.remove import remove_expired, remove_leftovers

LEFTOVERS_EVERY = 15  # rounds


class Expiry(PeriodicWork):
    """Every two seconds. While the ledger is frozen nothing expires: a restored ledger does not
    know which machines were renewed after its backup."""

    name = "machines.worker"
    interval = 2.0
    rest = 6.0

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0

    def work(self) -> None:
        if freeze.state() is None:
            remove_expired()
        if self.rounds % LEFTOVERS_EVERY == 0:
            remove_leftovers()
        self.rounds += 1
