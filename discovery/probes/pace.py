"""The pace at which packets leave."""

from __future__ import annotations


class Pace:
    """At most `rate` packets in any second. Time that was not used is lost, so no burst follows a
    pause. Moments are those of a monotonic clock, in seconds."""

    def __init__(self, rate: float) -> None:
        self.gap = 1 / rate
        self.free_at = 0.0

    def set_rate(self, rate: float) -> None:
        self.gap = 1 / rate

    def next(self, now: float) -> float:
        """When the next packet may leave."""
        return max(self.free_at, now)

    def spend(self, at: float, packets: int = 1) -> None:
        """So many packets leave now, or follow from what leaves now."""
        self.free_at = at + packets * self.gap
