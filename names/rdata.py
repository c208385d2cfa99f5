"""The value of a record, by its type: checked, and in its one spelling. Pure.

Names in values are whole names without a dot at the end; a text stands without quotation marks."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address

from django.utils.translation import gettext as _

LONGEST_NAME = 253
ADDRESSES = ("A", "AAAA")
REMEMBERED = 2**16  # names: from one file to the next, most stay what they were
_LABEL = "[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_OWNER = re.compile(rf"(_[a-z0-9-]{{1,62}}|{_LABEL})(\.(_[a-z0-9-]{{1,62}}|{_LABEL}))*")
_TEXT = re.compile(r'"?([ !#-\[\]-~]{1,255})"?')  # one string (RFC 1035, 3.3)
# RFC 8659, 4.1
_CAA = re.compile(r'(0|128) +(issue|issuewild|iodef) +"?([!#-\[\]-~]{1,255})"?')
_NUMBER = re.compile(
    "[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
)
_ADDRESS = re.compile("[0-9A-Fa-f.:]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@lru_cache(REMEMBERED)
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


def whole(name: str, within: str, domain: str) -> str:
    """The whole name of a row: one with a dot stands as it is."""
    parts = [name]
    if "." not in name:
        parts = [name, within, domain]
    return lower(".".join(filter(None, parts)))


def canonical(kind: str, value: str) -> str:
    """The value in its one spelling. Raises ValueError with a reason."""
    return TYPES[kind](value.strip())


@lru_cache(REMEMBERED)
def is_canonical(kind: str, value: str) -> bool:
    """Whether the type knows the value, in just this spelling."""
    try:
        return canonical(kind, value) == value
    except (KeyError, ValueError):
        return False


def _address(make: type[IPv4Address] | type[IPv6Address], value: str) -> str:
    try:
        return str(make(_whole(_ADDRESS, value, "")[0]))
    except ValueError:
        version = make(0).version
        text = _("“%(value)s” is not an IPv%(version)d address.")
        raise ValueError(text % {"value": value[:60], "version": version}) from None


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
    shape = _("1 to 255 printable ASCII characters without quotation marks and \\")
    return _whole(_TEXT, value, shape)[1]


def _caa(value: str) -> str:
    shape = _("FLAGS TAG VALUE, as in 0 issue ca.example; the tag is issue, issuewild or iodef")
    return " ".join(_whole(_CAA, value, shape).groups())


def _words(value: str, count: int, shape: str) -> list[str]:
    words = value.split()
    if len(words) != count:
        raise ValueError(_("Write it as %s.") % shape)
    return words


def _whole(pattern: re.Pattern[str], value: str, shape: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError(_("Write it as %s.") % shape)
    return match


def _number(text: str) -> str:
    _whole(_NUMBER, text, _("numbers from 0 to 65535"))
    return str(int(text))


TYPES: dict[str, Callable[[str], str]] = {
    "A": partial(_address, IPv4Address),
    "AAAA": partial(_address, IPv6Address),
    "CNAME": _name,
    "NS": _name,
    "MX": _mx,
    "SRV": _srv,
    "TXT": _txt,
    "CAA": _caa,
}
