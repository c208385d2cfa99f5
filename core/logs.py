"""Format log records: a line of text, or a JSON object in a line; secrets are redacted in both.

Control characters of a message are escaped, so that one event cannot look like two."""

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
