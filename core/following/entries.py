"""Read the time, the program and the message of a log line.

    Nov 30 14:11:11 dnsmasq-dhcp[18804]: DHCPACK(eth0) 10.77.0.9 02:00:00:00:00:01 web
    Nov 30 14:11:11 gateway dnsmasq-dhcp[18804]: ...                     (syslog)
    2026-11-30T14:11:11.123456+00:00 gateway dnsmasq-dhcp[18804]: ...    (RFC 5424)

The first two forms name neither year nor time zone: they are of the last year, in the time zone of
this host, and exact to the second. Lines of one second are numbered by microseconds, so that their
order is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.following.batches import LONGEST

LOCALTIME = Path("/etc/localtime")
_LINE = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) "
    r"(?:\S+ )?([\w-]+)\[\d+\]: (.*)",
    re.DOTALL,
)
_AHEAD = timedelta(days=1)  # later than this, a time without a year is of last year


class Entry(NamedTuple):
    """A line of a log."""

    at: datetime
    program: str
    message: str


class Parser:
    """Reads lines in their order."""

    def __init__(self) -> None:
        self._zone = local_zone()
        self._text = ""  # the time of the last line, and what it means
        self._at = datetime(1970, 1, 1, tzinfo=UTC)

    def entries(self, lines: Iterable[str], program: str, now: datetime) -> Iterator[Entry]:
        """Those of a program, whose parts log as `program-part`. Other lines are skipped, and so
        are those that have no time, or are longer than LONGEST. No time is later than `now`. NULs,
        which no database takes, are left out."""
        for line in lines:
            if program not in line or len(line) > LONGEST:
                continue
            found = _LINE.fullmatch(line)
            if found and found[2].startswith(program):
                at = self._time(found[1], now)
                if at is not None:
                    yield Entry(at, found[2], found[3].replace("\0", ""))

    def _time(self, text: str, now: datetime) -> datetime | None:
        if text == self._text:
            self._at += timedelta(microseconds=1)
            return self._at
        try:
            at = _exact(text) if text[0].isdigit() else self._without_year(text, now)
        except ValueError:
            return None
        self._text, self._at = text, min(at, now)
        return self._at

    def _without_year(self, text: str, now: datetime) -> datetime:
        year = now.year + 1
        at = now + 2 * _AHEAD
        while at > now + _AHEAD:
            year -= 1
            at = self._of_year(text, year)
        return at

    def _of_year(self, text: str, year: int) -> datetime:
        """29 February is tried in four years. Raises ValueError for other days that no year has."""
        for earlier in range(4):
            try:
                at = datetime.strptime(f"{year - earlier} {text} +0000", "%Y %b %d %H:%M:%S %z")
            except ValueError:
                continue
            return at.replace(tzinfo=self._zone).astimezone(UTC)
        raise ValueError(text)


def _exact(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=at.tzinfo or local_zone()).astimezone(UTC)


def local_zone() -> tzinfo:
    """The time zone of this host: Django's own is that of its pages."""
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
