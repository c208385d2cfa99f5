"""The syntax of dnsmasq's lines. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from importers.source import BadInput, Line

_BEFORE_COMMENT = re.compile(r'(?:"[^"]*"|(?<!\s)(?<!^)\#|[^#"]|"(?=[^"]*$))*')
_KEY = re.compile(r"[a-z0-9-]+")
_LEASE_TIME = re.compile(r"([0-9]+)([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
FOREVER = 31_536_000  # the longest lease time that a scope has


@dataclass(frozen=True, slots=True)
class Setting:
    """`key=value` of a configuration, with its place."""

    at: str
    key: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key

    @property
    def parts(self) -> list[str]:
        """The value's parts between commas."""
        return [part.strip() for part in self.value.split(",")]

    def wrong(self, reason: object) -> BadInput:
        return BadInput(self.at, reason)


def without_comment(text: str) -> str:
    """The line without its comment; a # within a word or within quotes begins none."""
    found = _BEFORE_COMMENT.match(text)
    assert found
    return found[0].strip()


def setting(line: Line) -> Setting | None:
    """The setting of a line; None for an empty one. Raises BadInput."""
    text = without_comment(line.text)
    if not text:
        return None
    key, _sign, value = text.partition("=")
    key = key.strip().removeprefix("--")
    if not _KEY.fullmatch(key):
        raise BadInput(line.at, _("“%s” is not an option of dnsmasq.") % text[:60])
    return Setting(line.at, key, value.strip().strip('"'))


def lease_time(text: str) -> int | None:
    """Seconds of `12h` or `infinite`; None for anything else."""
    if text in ("infinite", "deprecated"):
        return FOREVER
    found = _LEASE_TIME.fullmatch(text)
    if not found:
        return None
    return int(found[1]) * _SECONDS[found[2]]
