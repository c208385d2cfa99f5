"""DHCP options by number or by name: check a value by its kind, and write it so that dnsmasq reads
just that.

dnsmasq guesses a value's kind from its syntax: `10.0.0.1` is an address, `50` a number, `0a:0b`
bytes. So a number carries its width, and a text that dnsmasq would read as something else is
refused. Names are those of `dnsmasq --help dhcp` and `--help dhcp6` (RFC 2132 and its followers,
RFC 8415), and a few common ones."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam.addresses import parse_address, parse_network
from ipam.hostnames import validate_hostname

LONGEST_VALUE = 255  # bytes: the length of a DHCP option is one byte
LONGEST_BOOT_FILE = 127  # the field of a DHCPv4 packet, less its end (RFC 2131, 2)
MOST_ADDRESSES = 32
_PAIRED = range(2, MOST_ADDRESSES + 1, 2)  # how many addresses pairs of them are
_WRITTEN_ADDRESS = {4: "{}", 6: "[{}]"}
WIDTHS = {"u8": ("b", 8), "u16": ("s", 16), "u32": ("i", 32)}
_BOOT_FILE = {
    4: re.compile(r"[A-Za-z0-9/._~:@?&=+%-]+"),
    6: re.compile(r"(?:https?|tftp)://[A-Za-z0-9.\[\]:-]+/[A-Za-z0-9/._~:@?&=+%-]*"),
}
# A text may have commas, as a POSIX time zone does: dnsmasq looks for a list of numbers, addresses
# or bytes first, and takes everything else as one text.
_TEXT_WITH_COMMAS = re.compile(r"[A-Za-z0-9/._~:@?&=+%,<>-]+( +[A-Za-z0-9/._~:@?&=+%,<>-]+)*")
_AMBIGUOUS = re.compile(r"[0-9a-fA-Fsi:.*, -]*")
_NUMBER = re.compile(r"[0-9]{1,5}")
_INTEGER = re.compile(r"-?[0-9]{1,11}")
_FLAGS = {
    **dict.fromkeys(("0", "no", "off", "false"), "0b"),
    **dict.fromkeys(("1", "yes", "on", "true"), "1b"),
}
_BYTES = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){1,254}")


@dataclass(frozen=True, slots=True)
class OptionDefinition:
    """An option with a name, whose values are of one kind."""

    number: int
    name: str
    kind: str


def _table(*rows: tuple[int, str, str]) -> dict[int, OptionDefinition]:
    return {row[0]: OptionDefinition(*row) for row in rows}


# By the version of IP.
KNOWN: dict[int, dict[int, OptionDefinition]] = {
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
# Set by the scope's own fields: the option's name, and the field's.
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
# The others are set by the range, or by dnsmasq itself.
_SETTABLE = {
    4: frozenset(range(1, 255)) - {1, 12, 28, 80, 81, 82, 118, *range(50, 62)},
    6: frozenset(range(21, 255)) - {25, 26, 39},
}
_WITHOUT_NAME = OptionDefinition(0, "", "text")


def number_of(text: str, version: int = 4) -> int:
    """`42`, `ntp-server` and `42 ntp-server` are the same option. Raises ValueError."""
    words = text.split()
    if len(words) == 2 and words[0].isdigit():
        number, name = words
        if number_of(name, version) != int(number):
            facts = {"number": number, "name": name}
            raise ValueError(_("%(number)s is not the number of %(name)s.") % facts)
        return int(number)
    word = " ".join(words).lower().removeprefix("option:").removeprefix("option6:")
    if _NUMBER.fullmatch(word):
        return int(word)
    number_by_name = _numbers(version)
    if word not in number_by_name:
        raise ValueError(_("“%s” is neither the number nor the name of a DHCP option.") % text[:80])
    return number_by_name[word]


@cache
def _names(version: int) -> dict[int, str]:
    """The name of every option that has one."""
    set_by_fields = {number: name for number, (name, _label) in FIELDS[version].items()}
    return {number: option.name for number, option in KNOWN[version].items()} | set_by_fields


@cache
def _numbers(version: int) -> dict[str, int]:
    """The number of every option that has a name."""
    return {name: number for number, name in _names(version).items()}


def names() -> list[str]:
    """The names of the options that an administrator sets, of both versions of IP."""
    return sorted({option.name for table in KNOWN.values() for option in table.values()})


def name_of(number: int, version: int = 4) -> str:
    """The option's name; empty if it has none."""
    return _names(version).get(number, "")


def kind_of(number: int, version: int = 4) -> str:
    """The kind of the option's values; text, where the number does not define it."""
    return KNOWN[version].get(number, _WITHOUT_NAME).kind


def encode(kind: str, text: str, version: int = 4) -> str:
    """The value as dnsmasq's file has it. Raises ValueError with a sentence for people."""
    value = _ENCODERS[kind](text.strip(), version)
    if len(value) > LONGEST_VALUE * 3:
        raise ValueError(_("A DHCP option has at most %d bytes.") % LONGEST_VALUE)
    return value


def check_number(number: int, version: int = 4) -> None:
    """Raises ValueError for options that dnsmasq sets, or that a field of the scope sets."""
    if number in FIELDS[version]:
        name, field = FIELDS[version][number]
        text = _("Option %(number)d (%(name)s) is the scope's own field “%(field)s”.")
        raise ValueError(text % {"number": number, "name": name, "field": field})
    if number not in _SETTABLE[version]:
        raise ValueError(_("Option %d is set by dnsmasq itself.") % number)


def is_boot_file(text: str, version: int = 4) -> bool:
    """A path or a URL that dnsmasq passes on unchanged; DHCPv6 has URLs only (RFC 5970)."""
    return len(text) <= LONGEST_BOOT_FILE and bool(_BOOT_FILE[version].fullmatch(text))


# --- the kinds: check what was typed, and write it as dnsmasq reads it ----------------------------


def _addresses(text: str, version: int) -> str:
    ips = list(map(parse_address, text.split(",")))
    if len(ips) > MOST_ADDRESSES or set(map(attrgetter("version"), ips)) != {version}:
        message = _("Enter at most %(most)d IPv%(version)d addresses, separated by commas.")
        raise ValueError(message % {"most": MOST_ADDRESSES, "version": version})
    return ",".join(map(_WRITTEN_ADDRESS[version].format, ips))


def _pairs(text: str, version: int) -> str:
    value = _addresses(text, version)
    if value.count(",") % 2 == 0:
        raise ValueError(_("Enter pairs of addresses, separated by commas."))
    return value


def _routes(text: str, version: int) -> str:
    """network,router,network,router (RFC 3442)."""
    parts = list(map(str.strip, text.split(",")))
    if version != 4 or len(parts) not in _PAIRED:
        raise ValueError(_("Enter networks, each with its router: 10.0.0.0/8, 192.168.1.1."))
    written = []
    for network, router in zip(parts[::2], parts[1::2], strict=True):
        destination = parse_network(network)
        if destination.version != 4:
            raise ValueError(_("“%s” is not an IPv4 network.") % destination)
        written += [str(destination), _addresses(router, 4)]
    return ",".join(written)


def _domains(text: str, version: int) -> str:
    names = re.split(r"\s*,\s*", text.strip().lower())
    for name in names:
        try:
            validate_hostname(name)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
        if _AMBIGUOUS.fullmatch(name):
            raise ValueError(_("dnsmasq would read “%s” as a number, an address or bytes.") % name)
    return ",".join(names)


def _integer(text: str, least: int, most: int) -> int:
    if _INTEGER.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    message = _("Enter a whole number from %(least)d to %(most)d.")
    raise ValueError(message % {"least": least, "most": most})


def _unsigned(text: str, suffix: str, bits: int) -> str:
    return f"{_integer(text, 0, (1 << bits) - 1)}{suffix}"


def _u8(text: str, version: int) -> str:
    return _unsigned(text, *WIDTHS["u8"])


def _u16(text: str, version: int) -> str:
    return _unsigned(text, *WIDTHS["u16"])


def _u32(text: str, version: int) -> str:
    return _unsigned(text, *WIDTHS["u32"])


def _i32(text: str, version: int) -> str:
    return f"{_integer(text, -(1 << 31), (1 << 31) - 1)}i"


def _flag(text: str, version: int) -> str:
    if text.lower() not in _FLAGS:
        raise ValueError(_("Enter yes or no."))
    return _FLAGS[text.lower()]


def _text(text: str, version: int = 4) -> str:
    if len(text) > LONGEST_VALUE or not _TEXT_WITH_COMMAS.fullmatch(text):
        message = _(
            "Use letters, digits, blanks and these characters only: . , _ ~ : / @ ? & = + - % < >"
        )
        raise ValueError(message)
    if _AMBIGUOUS.fullmatch(text):
        message = _("dnsmasq would read “%s” as a number, an address or bytes. Choose that kind.")
        raise ValueError(message % text)
    return text


def _bytes(text: str, version: int = 4) -> str:
    if not _BYTES.fullmatch(text.lower()):
        raise ValueError(_("Enter two or more bytes as in 01:0a:ff."))
    return text.lower()


_ENCODERS: dict[str, Callable[[str, int], str]] = {
    "addresses": _addresses,
    "pairs": _pairs,
    "routes": _routes,
    "domains": _domains,
    "u8": _u8,
    "u16": _u16,
    "u32": _u32,
    "i32": _i32,
    "flag": _flag,
    "text": _text,
    "bytes": _bytes,
}
KINDS = tuple(_ENCODERS)
