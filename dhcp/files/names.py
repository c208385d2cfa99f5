"""Which host names dnsmasq takes for a name, and for nothing else.

The third field of `MAC,IP,NAME` has no quoting: `12h` there is a lease time, `ignore` refuses
service, anything with a colon is a tag or another address, and a name that dnsmasq rejects takes
the whole reservation with it."""

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST_LABEL = 63
_REMEMBERED = 2**16
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_LEASE_TIME = re.compile(r"[0-9]+[smhdw]?")
_COMMANDS = frozenset({"ignore", "infinite"})


@dataclass(frozen=True, slots=True)
class SafeName:
    """The label to write, empty when there is none; `reason` says what was wrong with the host
    name."""

    text: str
    reason: str = ""


@lru_cache(_REMEMBERED)
def safe_name(hostname: str) -> SafeName:
    """The host name's first label as dnsmasq may read it, or none with the reason."""
    # Before lower(): the Kelvin sign, for one, becomes an ASCII k by it.
    if not hostname.isascii():
        return SafeName("", "the name is not ASCII; write its xn-- form")
    label = hostname.lower().partition(".")[0]
    reason = _complaint(label)
    if hostname and reason:
        return SafeName("", reason)
    return SafeName(label)


def _complaint(label: str) -> str:
    if label in _COMMANDS:
        return f"dnsmasq takes {label!r} for a command"
    if _LEASE_TIME.fullmatch(label):
        return f"dnsmasq takes {label!r} for a lease time"
    if len(label) > LONGEST_LABEL:
        return f"the first label is longer than {LONGEST_LABEL} characters"
    if not _LABEL.fullmatch(label):
        return (
            "the first label may contain letters, digits, - and _ only, and starts and ends with a "
            "letter or digit"
        )
    return ""
