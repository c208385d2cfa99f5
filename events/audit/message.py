"""One line of the log as a syslog message."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

from changes.lines import Line
from changes.security import SecurityLine

AnyLine = Line | SecurityLine

SD_ID = "ipmanager@32473"  # the number that RFC 5612 reserves for those who have none
INFO = 6
LONGEST, LONGEST_DATAGRAM = 8192, 2048  # bytes that receivers must take (RFC 5425, RFC 5426)
_VERBS = {"+": "created", "~": "changed", "-": "deleted"}
_NAMES = ("ip_address", "hostname", "name", "network", "first")  # the first that a row has
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^!-~]")


def message(line: AnyLine, host: str, facility: int, longest: int = LONGEST) -> bytes:
    """The whole message, on one line, in UTF-8, and no longer than the limit."""
    moment = line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{facility * 8 + INFO}>1 {moment} {_word(host, 255)} ipmanager - audit "
    text = f"{head}{structured(line)} \ufeff{sentence(line)}"
    return shortened(text.encode("utf-8", "replace"), longest)


def structured(line: AnyLine) -> str:
    """`[ipmanager@32473 key="ipam.ipaddress:5123" …]`: what programs look for."""
    facts = {
        "key": line.key,
        "kind": _VERBS[line.kind],
        "table": line.table,
        "object": line.object_id,
        "who": line.who,
        "source": line.source,
        "change": line.change,
    }
    values = [f'{name}="{escaped(value)}"' for name, value in facts.items()]
    return f"[{SD_ID} {' '.join(values)}]"


def sentence(line: AnyLine) -> str:
    """What people read. The columns that changed are named; some values are secret."""
    if isinstance(line, SecurityLine):
        facts = [f"{name} {value}" for name, (_was, value) in line.difference().items()]
        return one_line(f"{line.who or 'somebody'}: {', '.join(facts)}")
    text = f"{line.who or 'somebody'} {_VERBS[line.kind]} {line.table} {_name(line)}"
    if line.kind == "~" and line.before is not None:
        text += f": {', '.join(line.difference())}"
    return one_line(text)


def escaped(value: Any) -> str:
    """A value of structured data (RFC 5424, 6.3.3), at most 300 characters of it."""
    return re.sub(r'(["\\\]])', r"\\\1", one_line(str(value)[:300]))


def one_line(text: str) -> str:
    """Without line breaks and other control characters, which would begin another message."""
    return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(data: bytes, longest: int) -> bytes:
    """At most so many bytes, and no half of a character."""
    if len(data) <= longest:
        return data
    return data[:longest].decode("utf-8", "ignore").encode()


def _word(text: str, longest: int) -> str:
    return _NOT_ASCII.sub("_", text)[:longest] or "-"


def _name(line: AnyLine) -> str:
    for name in _NAMES:
        if value := getattr(line.record, name, None):
            return str(value)
    return str(line.object_id)
