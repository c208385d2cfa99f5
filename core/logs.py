"""Format log records: a line of text, or a JSON object in a line; secrets are redacted in both.

Control characters of a message are escaped, so that one event cannot look like two."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.utils import InterfaceError, OperationalError

# The id of the request that this thread serves.
REQUEST: ContextVar[str] = ContextVar("request", default="")
HIDDEN = "[hidden]"
SHORTEST_SECRET = 6  # characters: a shorter one would redact half of every line
_NAMES = r"password|passwd|secret|token|session|sessionid|csrf\w*"
PATTERNS = [
    (re.compile(r"\bipm_[0-9a-f]{6,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(/boot/(?:answers|done))/[\w.~-]+"), rf"\1/{HIDDEN}"),
    (
        re.compile(rf"(?i)((?:{_NAMES})\\?[\"']?[=:]\s*\\?[\"']?)[^\s\"'&,;)\\]{{4,}}"),
        rf"\1{HIDDEN}",
    ),
]
REPORT_EVERY = 10.0  # seconds between two lines about a database that is away
LONGEST_REASON = 200  # characters
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "server_time"}


def redact(text: str) -> str:
    """Replace our own secrets, and whatever looks like a secret, by [hidden]."""
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _secrets() -> Iterator[str]:
    candidates = (
        settings.SECRET_KEY,
        settings.ADMIN_PASSWORD,
        settings.BOOTSTRAP_TOKEN,
        settings.DATABASES["default"].get("PASSWORD"),
    )
    for secret in candidates:
        if secret and len(secret) >= SHORTEST_SECRET:
            yield secret


class DatabaseAway:
    """Reports that the database does not answer: one short line now and then, however many requests
    are refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reported_at = -math.inf  # time.monotonic()
        self._refused = 0  # requests since then

    def report(self, logger: logging.Logger, error: BaseException) -> None:
        with self._lock:
            self._refused += 1
            if self.is_reported():
                return
            text, refused = first_line(error), self._refused
            self._reported_at, self._refused = time.monotonic(), 0
        logger.error("the database does not answer (%d requests refused): %s", refused, text)

    def is_reported(self) -> bool:
        return time.monotonic() - self._reported_at < REPORT_EVERY


database_away = DatabaseAway()


def first_line(error: BaseException) -> str:
    """Of the message; libpq adds a paragraph for each host."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:LONGEST_REASON]


class NoEcho(logging.Filter):
    """Removes Django's own line about a request that was refused because the database is away."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 0) != 503:
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError):
            database_away.report(logging.getLogger("api.problems"), error)
            return False
        return not database_away.is_reported()


class TextFormatter(logging.Formatter):
    """One line of text."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy(record)
        shown.msg, shown.args = _escape_controls(record.getMessage()), None
        return redact(super().format(shown))


class JsonFormatter(logging.Formatter):
    """One JSON object in a line; `extra` of the log call becomes its members."""

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if request := REQUEST.get():
            facts["request"] = request
        for name, value in vars(record).items():
            if name not in _STANDARD:
                facts[name] = _json_value(value)
        if record.exc_info:
            facts["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(facts)


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    return redact(str(value))


def _escape_controls(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text)
