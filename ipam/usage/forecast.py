"""When the addresses of a subnet or pool will run out: a straight line through the last weeks.

The line is fitted by least squares. It is believed only if there are enough days, if its slope is
more than twice its standard error, so that ups and downs around a level give no date, and if the
newer half of the days rises, too, so that a single step gives none. Everything here is pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import linear_regression, pvariance

from ipam.usage.measure import Share

WINDOW = 28  # days that are looked at
FEWEST = 7  # days with a line
FARTHEST = 3650  # days; what is farther away is no forecast
ROUNDING = 1e-6  # days
Point = tuple[float, float]


@dataclass(frozen=True)
class Forecast:
    """The day on which nothing is left if the use goes on growing as it did."""

    full_on: date
    per_day: float  # addresses


def forecast(used: Sequence[tuple[date, int]], now: Share, today: date) -> Forecast | None:
    """The forecast from the addresses used on each day, and from what is used and free now."""
    points = []
    for day, number in used:
        if 0 <= (today - day).days < WINDOW:
            points.append((float((day - today).days), float(number)))
    if len(points) < FEWEST or not now.total:
        return None
    slope, error = _fit(points)
    grown = slope * (points[-1][0] - points[0][0])
    recent, _error = _fit(points[-max(FEWEST // 2 + 1, len(points) // 2) :])
    if slope <= 2 * error or grown < 1 or recent <= 0:
        return None
    left = math.ceil(now.free / slope - ROUNDING)
    if left > FARTHEST:
        return None
    return Forecast(today + timedelta(days=left), round(slope, 2))


def _fit(points: Sequence[Point]) -> tuple[float, float]:
    """The slope of the line of least squares, and its standard error."""
    days, numbers = zip(*points, strict=True)
    slope, start = linear_regression(days, numbers)
    missed = sum((number - start - slope * day) ** 2 for day, number in points)
    spread = pvariance(days) * len(points)
    return slope, math.sqrt(missed / (len(points) - 2) / spread)
