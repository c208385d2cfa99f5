"""The value of a record, by its type: checked, and in its one spelling. Pure.

Names in values are whole names without a dot at the end; a text stands without quotation marks."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from django.utils.translation import gettext as _

LONGEST_NAME = 253
LONGEST_TEXT = 255  # bytes of one string (RFC 1035, 3.3)
_LABEL = "[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_OWNER = re.compile(rf"(_[a-z0-9-]{{1,62}}|{_LABEL})(\.(_[a-z0-9-]{{1,62}}|{_LABEL}))*")
_TEXT = re.compile(r"[ !#-\[\]-~]+")  # printable ASCII without " and \
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_TAGS = frozenset({"issue", "issuewild", "iodef"})  # RFC 8659, 4.1


def is_name(text: str) -> bool:
    """Whether it is a host's whole name, in lower case."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def is_owner(text: str) -> bool:
    """Whether a record may have this name: as of a host, or with labels like `_tcp`."""
    return len(text) <= LONGEST_NAME and _OWNER.fullmatch(text) is not None


def lower(text: str) -> str:
    """In lower case as DNS compares names: ASCII letters only. To Python, the Kelvin sign is a k,
    too."""
    return text.translate(_LOWER)


def canonical(kind: str, value: str) -> str:
    """The value in its one spelling. Raises ValueError with a reason."""
    return _TYPES[kind](value.strip())


def _address4(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError(_("“%s” is not an IPv4 address.") % value[:60]) from None


def _address6(value: str) -> str:
    try:
        found = IPv6Address(value)
    except ValueError:
        raise ValueError(_("“%s” is not an IPv6 address.") % value[:60]) from None
    if found.scope_id:
        raise ValueError(_("“%s” is not an IPv6 address.") % value[:60])
    return str(found)


def _name(value: str) -> str:
    name = lower(value.rstrip("."))
    if not is_name(name):
        raise ValueError(_("“%s” is not a host's name.") % value[:60])
    return name


def _mx(value: str) -> str:
    preference, exchange = _words(value, 2, _("PREFERENCE HOST, as in 10 mail.corp.example"))
    return f"{_number(preference)} {_name(exchange)}"


def _srv(value: str) -> str:
    shape = _("PRIORITY WEIGHT PORT HOST, as in 0 5 143 imap.corp.example")
    *numbers, target = _words(value, 4, shape)
    return " ".join([*map(_number, numbers), _name(target)])


def _txt(value: str) -> str:
    text = value
    if len(value) >= 2 and value[0] == value[-1] == '"':
        text = value[1:-1]
    if not _TEXT.fullmatch(text) or len(text) > LONGEST_TEXT:
        raise ValueError(
            _("A text has 1 to 255 printable ASCII characters without quotation marks and \\.")
        )
    return text


def _caa(value: str) -> str:
    flags, tag, text = _words(value, 3, _("FLAGS TAG VALUE, as in 0 issue ca.example"))
    text = text.strip('"')
    if tag.lower() not in _TAGS or not _TEXT.fullmatch(text) or " " in text:
        raise ValueError(_("The tag is issue, issuewild or iodef; the value has no blanks."))
    if flags not in ("0", "128"):
        raise ValueError(_("The flags are 0 or 128."))
    return f"{flags} {tag.lower()} {text}"


def _words(value: str, count: int, shape: str) -> list[str]:
    words = value.split()
    if len(words) != count:
        raise ValueError(_("Write it as %s.") % shape)
    return words


def _number(text: str) -> str:
    if not re.fullmatch("[0-9]{1,5}", text, re.ASCII) or int(text) > 65535:
        raise ValueError(_("“%s” is not a number from 0 to 65535.") % text[:60])
    return str(int(text))


_TYPES: dict[str, Callable[[str], str]] = {
    "A": _address4,
    "AAAA": _address6,
    "CNAME": _name,
    "MX": _mx,
    "SRV": _srv,
    "TXT": _txt,
    "CAA": _caa,
}
