"""The moment that somebody asks for: read from text, and refused where nothing is known of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from core.errors import Invalid, Reason

_AGO = re.compile(r"-?([0-9]{1,9})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LOST_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)", re.ASCII)
_LONGEST = 40
_horizons: list[Callable[[], datetime | None]] = []


def register_horizon(horizon: Callable[[], datetime | None]) -> None:
    """Register who knows since when history is complete."""
    _horizons.append(horizon)


def parse(text: str, field: str = "as_of") -> datetime:
    """A past moment. `2026-11-29T14:00+01:00`; without an offset in the site's time zone; a date is
    its first moment; `-2h` or `2h` is two hours ago; `now`. Raises Invalid, which names the
    field."""
    moment = _read(text.strip()) if len(text) <= _LONGEST else None
    if moment is None:
        hint = _("As in 2026-11-29T14:00Z, 2026-11-29, -2h or now.")
        raise _refusal(field, _("That is not a time."), hint)
    if moment > timezone.now():
        raise _refusal(field, _("That is in the future; nobody knows it yet."))
    _refuse_before_horizon(moment, field)
    return moment


def earliest() -> datetime | None:
    """The first moment of which all is known; None if nobody says."""
    known = [horizon() for horizon in _horizons]
    return max(filter(None, known), default=None)


def _refuse_before_horizon(moment: datetime, field: str) -> None:
    known = earliest()
    if known and moment < known:
        shown = timezone.localtime(known).isoformat()
        text = _("Nothing is known of that time. The earliest is %s.")
        raise _refusal(field, text % shown)


def _refusal(field: str, text: str, hint: str = "") -> Invalid:
    error = Invalid(Reason(f"{field}: {text}"), hint)
    error.errors = {field: [Reason(text)]}
    return error


def _read(text: str) -> datetime | None:
    if text == "now":
        return timezone.now()
    try:
        if ago := _AGO.fullmatch(text):
            return timezone.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return _written(text)
    except (ValueError, OverflowError):  # such as the 30th of February
        return None


def _written(text: str) -> datetime | None:
    moment = None
    if ":" in text:
        # In a query, a + that nobody has encoded is a space.
        moment = parse_datetime(_LOST_PLUS.sub("+", text))
    elif day := parse_date(text):
        moment = datetime.combine(day, time.min)
    if moment is None:
        return None
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    # By UTC, as the database compares it: in some zones, the year 1 begins before UTC's does.
    return moment.astimezone(UTC).astimezone(timezone.get_current_timezone())
