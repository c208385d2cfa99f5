"""DHCP options by number or by name: what a person typed, checked by its kind, as dnsmasq takes it
for that and nothing else.

dnsmasq guesses a value's kind from its looks: `10.0.0.1` is an address, `50` a number, `0a:0b`
bytes. So a number carries its width, and a text that could be taken for something else is refused.
Names are those that `dnsmasq --help dhcp` and `--help dhcp6` know (RFC 2132 and its followers, RFC
8415), and a few common ones beside."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.addresses import parse_address
from ipam.hostnames import validate_hostname

LONGEST_VALUE = 255  # bytes: the length of a DHCP option is one byte
MOST_ADDRESSES = 32
WIDTHS = {"u8": ("b", 8), "u16": ("s", 16), "u32": ("i", 32)}
_TEXT = re.compile(r"[A-Za-z0-9/._~:@?&=+%-]([A-Za-z0-9/._~:@?&=+% -]*[A-Za-z0-9/._~:@?&=+%-])?")
_BOOT_URL = re.compile(r"(?:https?|tftp)://[A-Za-z0-9.\[\]:-]+/[A-Za-z0-9/._~:@?&=+%-]*")
_AMBIGUOUS = re.compile(r"[0-9a-fA-Fsi:.* -]*")
_BYTES = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Known:
    """An option that has a name, and whose values are of one kind."""

    number: int
    name: str
    kind: str


def _table(*rows: tuple[int, str, str]) -> dict[int, Known]:
    return {number: Known(number, name, kind) for number, name, kind in rows}


# By the version of IP.
KNOWN: dict[int, dict[int, Known]] = {
    4: _table(
        (2, "time-offset", "i32"),
        (7, "log-server", "addresses"),
        (9, "lpr-server", "addresses"),
        (13, "boot-file-size", "u16"),
        (16, "swap-server", "addresses"),
        (17, "root-path", "text"),
        (18, "extension-path", "text"),
        (19, "ip-forward-enable", "flag"),
        (20, "non-local-source-routing", "flag"),
        (21, "policy-filter", "pairs"),
        (22, "max-datagram-reassembly", "u16"),
        (23, "default-ttl", "u8"),
        (26, "mtu", "u16"),
        (27, "all-subnets-local", "flag"),
        (31, "router-discovery", "flag"),
        (32, "router-solicitation", "addresses"),
        (33, "static-route", "pairs"),
        (34, "trailer-encapsulation", "flag"),
        (35, "arp-timeout", "u32"),
        (36, "ethernet-encap", "flag"),
        (37, "tcp-ttl", "u8"),
        (38, "tcp-keepalive", "u32"),
        (40, "nis-domain", "text"),
        (41, "nis-server", "addresses"),
        (43, "vendor-specific", "bytes"),
        (44, "netbios-ns", "addresses"),
        (45, "netbios-dd", "addresses"),
        (46, "netbios-nodetype", "u8"),
        (47, "netbios-scope", "text"),
        (48, "x-windows-fs", "addresses"),
        (49, "x-windows-dm", "addresses"),
        (64, "nis+-domain", "text"),
        (65, "nis+-server", "addresses"),
        (68, "mobile-ip-home", "addresses"),
        (69, "smtp-server", "addresses"),
        (70, "pop3-server", "addresses"),
        (71, "nntp-server", "addresses"),
        (74, "irc-server", "addresses"),
        (100, "posix-timezone", "text"),
        (101, "tzdb-timezone", "text"),
        (108, "ipv6-only", "u32"),
        (114, "captive-portal", "text"),
        (119, "domain-search", "domains"),
        (121, "classless-static-route", "routes"),
        (125, "vendor-id-encap", "bytes"),
        (138, "capwap-ac", "addresses"),
        (150, "tftp-server-address", "addresses"),
        (252, "wpad", "text"),
    ),
    6: _table(
        (21, "sip-server-domain", "domains"),
        (22, "sip-server", "addresses"),
        (27, "nis-server", "addresses"),
        (28, "nis+-server", "addresses"),
        (29, "nis-domain", "domains"),
        (30, "nis+-domain", "domains"),
        (32, "information-refresh-time", "u32"),
        (41, "posix-timezone", "text"),
        (42, "tzdb-timezone", "text"),
        (56, "ntp-server", "bytes"),
        (60, "bootfile-param", "bytes"),
    ),
}
# Given by the scope's own fields: the option's name, and what the field is called.
FIELDS: dict[int, dict[int, tuple[str, object]]] = {
    4: {
        3: ("router", gettext_lazy("router")),
        6: ("dns-server", gettext_lazy("DNS servers")),
        15: ("domain-name", gettext_lazy("domain")),
        42: ("ntp-server", gettext_lazy("NTP servers")),
        51: ("lease-time", gettext_lazy("lease time (s)")),
        66: ("tftp-server", gettext_lazy("boot server")),
        67: ("bootfile-name", gettext_lazy("boot file")),
    },
    6: {
        23: ("dns-server", gettext_lazy("DNS servers")),
        24: ("domain-search", gettext_lazy("domain")),
        31: ("sntp-server", gettext_lazy("NTP servers")),
        59: ("bootfile-url", gettext_lazy("boot file")),
    },
}
# Given by the range, or by the conversation itself.
_DNSMASQS = {
    4: frozenset({0, 1, 12, 28, 80, 81, 82, 118, 255, *range(50, 62)}),
    6: frozenset({*range(21), 25, 26, 39}),
}


def number_of(text: str, version: int = 4) -> int:
    """`42`, `ntp-server` and `42 ntp-server` are the same. Raises ValueError."""
    words = text.split()
    if len(words) == 2 and words[0].isdigit():
        if number_of(words[1], version) != int(words[0]):
            raise ValueError(
                _("%(number)s is not the number of %(name)s.")
                % {"number": words[0], "name": words[1]}
            )
        words = words[:1]
    word = (
        words[0].lower().removeprefix("option:").removeprefix("option6:")
        if len(words) == 1
        else text
    )
    if word.isascii() and word.isdigit() and len(word) < 6:
        return int(word)
    names = {known.name: number for number, known in KNOWN[version].items()}
    names |= {name: number for number, (name, _label) in FIELDS[version].items()}
    if word not in names:
        raise ValueError(_("“%s” is neither the number nor the name of a DHCP option.") % text[:80])
    return names[word]


def name_of(number: int, version: int = 4) -> str:
    """Empty for those that have none."""
    if number in FIELDS[version]:
        return FIELDS[version][number][0]
    return KNOWN[version][number].name if number in KNOWN[version] else ""


def kind_of(number: int, version: int = 4) -> str:
    """The kind of the option's values; a text, where the number says nothing."""
    return KNOWN[version][number].kind if number in KNOWN[version] else "text"


def encode(kind: str, text: str, version: int = 4) -> str:
    """The value as it stands in dnsmasq's file. Raises ValueError with a sentence for people."""
    value = _KINDS[kind](text.strip(), version)
    if len(value) > LONGEST_VALUE * 3:
        raise ValueError(_("A DHCP option has at most %d bytes.") % LONGEST_VALUE)
    return value


def check_number(number: int, version: int = 4) -> None:
    """Raises ValueError for options that are none of the administrator's, or have a field of their
    own."""
    if number in FIELDS[version]:
        name, field = FIELDS[version][number]
        told = {"number": number, "name": name, "field": field}
        raise ValueError(
            _("Option %(number)d (%(name)s) is the scope's own field “%(field)s”.") % told
        )
    if number in _DNSMASQS[version] or not 0 < number < 255:
        raise ValueError(_("Option %d is set by dnsmasq itself.") % number)


def is_boot_file(text: str, version: int = 4) -> bool:
    """A path or a URL that dnsmasq hands on unchanged; DHCPv6 knows URLs only (RFC 5970)."""
    pattern = _TEXT if version == 4 else _BOOT_URL
    return len(text) <= 127 and bool(pattern.fullmatch(text)) and " " not in text


def _addresses(text: str, version: int) -> str:
    found = [parse_address(part) for part in text.split(",")]
    if len(found) > MOST_ADDRESSES or any(ip.version != version for ip in found):
        told = {"most": MOST_ADDRESSES, "version": version}
        raise ValueError(
            _("Give up to %(most)d IPv%(version)d addresses, separated by commas.") % told
        )
    return ",".join(f"[{ip}]" if version == 6 else str(ip) for ip in found)


def _pairs(text: str, version: int) -> str:
    value = _addresses(text, version)
    if value.count(",") % 2 == 0:
        raise ValueError(_("Give pairs of addresses, separated by commas."))
    return value


def _routes(text: str, version: int) -> str:
    """RFC 3442: network,router,network,router."""
    parts = [part.strip() for part in text.split(",")]
    if version != 4 or len(parts) % 2 or len(parts) > MOST_ADDRESSES:
        raise ValueError(_("Give networks, each with its router, as in 10.0.0.0/8, 192.168.1.1."))
    written = []
    for network, router in zip(parts[::2], parts[1::2], strict=True):
        if "/" not in network or ip_network(network).version != 4:
            raise ValueError(_("“%s” is not an IPv4 network.") % network[:80])
        written += [str(ip_network(network)), _addresses(router, 4)]
    return ",".join(written)


def _domains(text: str, version: int) -> str:
    """Names of at least two labels, or dnsmasq would have to guess."""
    names = [part.strip().lower() for part in text.split(",")]
    for name in names:
        try:
            validate_hostname(name)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
        if _AMBIGUOUS.fullmatch(name):
            raise ValueError(_("dnsmasq would take “%s” for a number, an address or bytes.") % name)
    return ",".join(names)


def _whole(text: str, least: int, most: int) -> int:
    digits = text.removeprefix("-")
    if not (
        digits.isascii() and digits.isdigit() and len(digits) < 12 and least <= int(text) <= most
    ):
        raise ValueError(
            _("Give a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
        )
    return int(text)


def _unsigned(kind: str) -> Callable[[str, int], str]:
    suffix, bits = WIDTHS[kind]
    return lambda text, version: f"{_whole(text, 0, (1 << bits) - 1)}{suffix}"


def _flag(text: str, version: int) -> str:
    if text.lower() not in ("0", "1", "no", "yes", "off", "on", "false", "true"):
        raise ValueError(_("Give yes or no."))
    return "1b" if text.lower() in ("1", "yes", "on", "true") else "0b"


def _text(text: str, version: int = 4) -> str:
    if len(text) > LONGEST_VALUE or not _TEXT.fullmatch(text):
        raise ValueError(
            _("Use letters, digits, blanks and only these signs: . _ ~ : / @ ? & = + - %")
        )
    if _AMBIGUOUS.fullmatch(text):
        raise ValueError(
            _("dnsmasq would take “%s” for a number, an address or bytes; give it as such.") % text
        )
    return text


def _bytes(text: str, version: int = 4) -> str:
    if not _BYTES.fullmatch(text.lower()) or len(text) > LONGEST_VALUE * 3:
        raise ValueError(_("Write two or more bytes as in 01:0a:ff."))
    return text.lower()


_KINDS: dict[str, Callable[[str, int], str]] = {
    "addresses": _addresses,
    "pairs": _pairs,
    "routes": _routes,
    "domains": _domains,
    "u8": _unsigned("u8"),
    "u16": _unsigned("u16"),
    "u32": _unsigned("u32"),
    "i32": lambda text, version: f"{_whole(text, -(1 << 31), (1 << 31) - 1)}i",
    "flag": _flag,
    "text": _text,
    "bytes": _bytes,
}
KINDS = tuple(_KINDS)
