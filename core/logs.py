"""How log lines look: a line for people, or a JSON object in a line for programs; no secret in
either.

Whatever is logged, one event cannot look like two: control characters of its message are written
out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

REQUEST: ContextVar[str] = ContextVar(
    "request", default=""
)  # the id of the request that this thread serves
HIDDEN = "[hidden]"
SHORTEST = 6  # characters: a shorter secret would hide half of every line
PATTERNS = [
    (re.compile(r"\bipm_[0-9a-f]{6,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(/boot/(?:answers|done))/[\w.~-]+"), rf"\1/{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|token|session|sessionid|csrf\w*)\\?[\"']?[=:]\s*\\?[\"']?)[^\s\"'&,;)\\]{4,}"
        ),
        rf"\1{HIDDEN}",
    ),
]
_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "server_time"}


def hide(text: str) -> str:
    """The text without what opens a door: our own secrets, and whatever looks like one."""
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _secrets() -> Iterator[str]:
    known = (
        settings.SECRET_KEY,
        settings.ADMIN_PASSWORD,
        settings.BOOTSTRAP_TOKEN,
        settings.DATABASES["default"].get("PASSWORD"),
    )
    return (secret for secret in known if secret and len(secret) >= SHORTEST)


class Line(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy(record)
        shown.msg, shown.args = _in_one_line(record.getMessage()), None
        return hide(super().format(shown))


class Json(logging.Formatter):
    """For programs."""

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": hide(record.getMessage()),
        }
        if request := REQUEST.get():
            facts["request"] = request
        facts |= {name: _shown(value) for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            facts["traceback"] = hide(self.formatException(record.exc_info))
        return json.dumps(facts)


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else hide(str(value))


def _in_one_line(text: str) -> str:
    return "".join(
        sign if sign >= " " and sign != "\x7f" else f"\\x{ord(sign):02x}" for sign in text
    )
