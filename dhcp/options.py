"""DHCP options by number: what a person typed, checked by its kind, as dnsmasq takes it for that and nothing else.

dnsmasq guesses a value's kind from its looks: `10.0.0.1` is an address, `50` a number, `0a:0b` bytes. So a number
carries its width, and a text that could be taken for something else is refused.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Address

from django.utils.translation import gettext as _

from ipam.addresses import parse_address

LONGEST_VALUE = 255  # bytes: the length of a DHCP option is one byte
MOST_ADDRESSES = 32
WIDTHS = {"u8": ("b", 8), "u16": ("s", 16), "u32": ("i", 32)}
# Given by the scope's own fields, by its range, or by the conversation itself.
OWNED = frozenset({0, 1, 3, 6, 12, 15, 28, 42, 66, 67, 81, 82, 118, 255, *range(50, 62)})
_TEXT = re.compile(r"[A-Za-z0-9/._~:@?&=+%-]([A-Za-z0-9/._~:@?&=+% -]*[A-Za-z0-9/._~:@?&=+%-])?")
_AMBIGUOUS = re.compile(r"[0-9a-fA-Fsi:.* -]*")
_BYTES = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")


def encode(kind: str, text: str) -> str:
    """The value as it stands in dnsmasq's file. Raises ValueError with a sentence for people."""
    value = _KINDS[kind](text.strip())
    if len(value) > LONGEST_VALUE * 3:
        raise ValueError(_("A DHCP option has at most %d bytes.") % LONGEST_VALUE)
    return value


def check_number(number: int) -> None:
    """Raises ValueError for options that are none of the administrator's, or have a field of their own."""
    if number in OWNED or not 0 < number < 255:
        raise ValueError(_("Option %d is set by the scope's own fields or by dnsmasq itself.") % number)


def is_boot_file(text: str) -> bool:
    """A path or a URL that dnsmasq hands on unchanged."""
    return len(text) <= 127 and bool(_TEXT.fullmatch(text)) and " " not in text


def _addresses(text: str) -> str:
    found = [parse_address(part) for part in text.split(",")]
    if len(found) > MOST_ADDRESSES or not all(isinstance(ip, IPv4Address) for ip in found):
        raise ValueError(_("Give up to %d IPv4 addresses, separated by commas.") % MOST_ADDRESSES)
    return ",".join(map(str, found))


def _number(text: str, kind: str) -> str:
    suffix, bits = WIDTHS[kind]
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) < 1 << bits):
        raise ValueError(_("Give a whole number from 0 to %d.") % ((1 << bits) - 1))
    return f"{int(text)}{suffix}"


def _text(text: str) -> str:
    if len(text) > LONGEST_VALUE or not _TEXT.fullmatch(text):
        raise ValueError(_("Use letters, digits, blanks and only these signs: . _ ~ : / @ ? & = + - %"))
    if _AMBIGUOUS.fullmatch(text):
        raise ValueError(_("dnsmasq would take “%s” for a number, an address or bytes; give it as such.") % text)
    return text


def _bytes(text: str) -> str:
    if not _BYTES.fullmatch(text.lower()) or len(text) > LONGEST_VALUE * 3:
        raise ValueError(_("Write two or more bytes as in 01:0a:ff."))
    return text.lower()


_KINDS: dict[str, Callable[[str], str]] = {
    "addresses": _addresses,
    "u8": lambda text: _number(text, "u8"),
    "u16": lambda text: _number(text, "u16"),
    "u32": lambda text: _number(text, "u32"),
    "text": _text,
    "bytes": _bytes,
}
KINDS = tuple(_KINDS)
