"""Read what dnsmasq 2.90 logs about DHCP (its rfc2131.c, rfc3315.c, dhcp-common.c). Pure.

    DHCPDISCOVER(eth0) 02:00:00:00:00:07 ignored
    DHCPOFFER(eth0) 10.77.0.9 02:00:00:00:00:01
    4255666708 DHCPACK(eth0) 10.77.0.9 02:00:00:00:00:01 web           (with log-dhcp)
    DHCPREPLY(eth0) fd00:77::184 00:03:00:01:02:00:00:00:00:01 web     (DHCPv6)
    not using configured address 10.77.0.1 because it is in use by the server or relay

dnsmasq serves one request after another, so a message without a machine belongs to the request that
the next message names, or, for a declined address, the last one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from core.following.entries import Entry
from dhcp.leases.lease_file import mac_of_duid
from ipam.addresses import parse_address, parse_mac

_MAC_LENGTH = len("02:00:00:00:00:0a")
_EXCHANGE = re.compile(
    r"(?:\d+ )?(DHCP[A-Z-]+|BOOTP)\(([^)]*)\)"
    r"(?: ([0-9a-f.:]+)(?= (?:[0-9a-f]{2}-)?[0-9a-f]{2}:))?"
    r" (?:[0-9a-f]{2}-)?([0-9a-f]{2}(?::[0-9a-f]{2})+)(?: (.*))?"
)
# What each message of a client or of dnsmasq is, in IPv4 and in IPv6.
KINDS = {
    "DHCPDISCOVER": "discover",
    "DHCPSOLICIT": "discover",
    "DHCPOFFER": "offer",
    "DHCPADVERTISE": "offer",
    "DHCPREQUEST": "request",
    "DHCPRENEW": "request",
    "DHCPREBIND": "request",
    "DHCPCONFIRM": "request",
    "DHCPACK": "ack",
    "DHCPREPLY": "ack",
    "BOOTP": "ack",
    "DHCPNAK": "nak",
    "DHCPDECLINE": "decline",
    "DHCPRELEASE": "release",
    "DHCPINFORM": "inform",
    "DHCPINFORMATION-REQUEST": "inform",
}
# What dnsmasq says behind a message when it refuses it.
REFUSALS = {
    "ignored": "ignored",
    "disabled": "ignored",
    "no address available": "full",
    "no addresses available": "full",
    "wrong network": "nak",
    "no address configured": "nak",
    "no unique-id": "nak",
    "address in use": "nak",
    "address unavailable": "nak",
    "address invalid": "nak",
    "no binding found": "nak",
}
# Messages that begin otherwise: the kind, and how to read them.
_OTHERS = (
    (
        "not using configured address ",
        "not_used",
        re.compile(r"not using configured address (?P<ip>\S+) because (?P<detail>.*)"),
    ),
    (
        "disabling DHCP static address ",
        "disabled",
        re.compile(r"disabling DHCP static address (?P<ip>\S+) (?P<detail>for .*)"),
    ),
    (
        "no address range available for DHCP",
        "no_range",
        re.compile(
            r"no address range available for DHCP(?:v6)? request "
            r"(?P<detail>.*?(?:via|from relay at|with subnet selector) (?P<interface>\S+))"
        ),
    ),
    (
        "duplicate dhcp-host IP address ",
        "duplicate",
        re.compile(r"duplicate dhcp-host IP address (?P<ip>\S+?)(?: (?P<detail>at line .*))?"),
    ),
    (
        "abandoning lease to ",
        "lost",
        re.compile(r"abandoning lease to (?P<mac>\S+) of (?P<ip>\S+)"),
    ),
    ("read ", "reloading", re.compile(r"read (?P<detail>/\S+) - \d+ (?:names|addresses)")),
    ("read ", "reloaded", re.compile(r"read (?P<detail>/\S+)")),
)
# No rows: dnsmasq reads its files again, and has read those of reservations or options.
RELOADING, RELOADED = "reloading", "reloaded"


class Exchange(NamedTuple):
    """One message between a machine and dnsmasq, or about it. `ip` is canonical text; `detail` is
    dnsmasq's own text: a reason, or the host name of an acknowledgement."""

    kind: str
    at: datetime
    ip: str | None = None
    mac: str | None = None
    duid: str = ""
    interface: str = ""
    detail: str = ""

    @property
    def is_with_another_server(self) -> bool:
        """Whether the client has answered the offer of another DHCP server."""
        return (self.kind, self.detail) == ("nak", "wrong server-ID")


def exchanges(entries: Iterable[Entry]) -> Iterator[Exchange]:
    """The exchanges among the entries, in their order, each with its machine as far as it is
    known."""
    waiting: list[Exchange] = []  # without a machine, until the next message names it
    last: Exchange | None = None
    for entry in entries:
        found = exchange(entry)
        if found is None:
            continue
        if found.kind == "not_used":
            waiting.append(found)
            continue
        if found.kind == "disabled" and last and last.ip == found.ip:
            found = found._replace(mac=last.mac, interface=last.interface)
        for earlier in waiting:
            yield earlier._replace(mac=found.mac, interface=found.interface)
        waiting.clear()
        last = found
        yield found
    yield from waiting


def exchange(entry: Entry) -> Exchange | None:
    """What an entry says of DHCP; None for anything else."""
    if found := _EXCHANGE.fullmatch(entry.message):
        return _of_message(entry.at, *found.groups())
    for beginning, kind, pattern in _OTHERS:
        if entry.message.startswith(beginning) and (found := pattern.fullmatch(entry.message)):
            return _of_text(entry.at, kind, found.groupdict())
    return None


def _of_message(
    at: datetime,
    name: str,
    interface: str,
    address: str | None,
    machine: str,
    detail: str | None,
) -> Exchange | None:
    kind = KINDS.get(name)
    if kind is None:
        return None
    detail = (detail or "").strip()
    kind = REFUSALS.get(detail, kind)
    ip = _address(address)
    mac, duid = _machine(machine)
    return Exchange(kind, at, ip, mac, duid, interface[:16], detail.replace("\0", "")[:255])


def _of_text(at: datetime, kind: str, parts: dict[str, str | None]) -> Exchange:
    mac, _duid = _machine(parts.get("mac") or "")
    return Exchange(
        kind,
        at,
        _address(parts.get("ip")),
        mac,
        interface=(parts.get("interface") or "")[:16],
        detail=(parts.get("detail") or "")[:255],
    )


@lru_cache(1 << 16)
def _address(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return str(parse_address(text))
    except ValueError:
        return None


@lru_cache(1 << 16)
def _machine(text: str) -> tuple[str | None, str]:
    """The MAC and the DUID."""
    if len(text) > _MAC_LENGTH:
        return mac_of_duid(text), text[:255]
    try:
        return parse_mac(text), ""
    except ValueError:
        return None, ""
