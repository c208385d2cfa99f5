"""Ranges of addresses as numbers, of which none overlaps another: questions by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from ipam.models import Pool

Span = tuple[int, int]


class Spans:
    """Ranges of one address family."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted(spans)
        self._lows = [low for low, _high in ordered]
        self._highs = [high for _low, high in ordered]

    @classmethod
    def of(cls, pools: Iterable[Pool]) -> Spans:
        return cls(map(span, pools))

    def meet(self, low: int, high: int) -> bool:
        """Whether one of them has a number from low to high."""
        return bisect_left(self._highs, low) < bisect_right(self._lows, high)


def span(pool: Pool) -> Span:
    """The pool's ends."""
    return int(pool.first), int(pool.last)
