"""Seal the log while the site runs."""

from __future__ import annotations

from changes.chain.seal import SEALS, Sealer
from core.periodic import PeriodicWork


class SealLog(PeriodicWork):
    """Each minute: seal the lines that are finished; soon again while many wait."""

    name = "changes.chain"
    first_pause = 20.0
    longest_pause = 60.0
    _behind = False

    def work(self) -> None:
        self._behind = self._sealer.round() >= SEALS

    def pause(self) -> float:
        if self.failures:
            return super().pause()
        return 1.0 if self._behind else 60.0

    @property
    def _sealer(self) -> Sealer:
        return self.__dict__.setdefault("sealer", Sealer())
