"""Read dnsmasq's lease file (dnsmasq(8), --dhcp-leasefile). The same bytes give the same leases.

1763696000 02:00:00:00:00:0a 10.77.0.9 web 01:02:00:00:00:00:0a
duid 00:01:00:01:2b:...
1763696000 1234 fd00::50 web 00:03:00:01:02:00:00:00:00:0a
"""

import os
import re
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ipam.addresses import Address, parse_address, parse_mac

# dnsmasq writes 0 for a lease without an end. Later years overflow in some time zones.
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_REMEMBERED = 2**16  # lines: most stay the same from one reading to the next
_STABLE = 0.02  # seconds without a change
_ATTEMPTS = 5
_LINE = re.compile(rb"[0-9]+( \S+){3,4} ?|duid \S+")
_LONGEST_NAME, _LONGEST_DUID = 255, 767
# Identifiers that contain an Ethernet address, and where: DUID-LL, and DUID-LLT, which has four
# bytes of time before it (RFC 8415, 11).
_DUID_MACS = (("00:03:00:01:", 12), ("00:01:00:01:", 24))


class FileKeepsChanging(OSError):
    """dnsmasq is writing the file all the time."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """One line of the file. An IPv6 lease has a MAC only if its DUID contains one."""

    ip: Address
    mac: str | None
    until: datetime
    hostname: str = ""
    duid: str = ""  # of an IPv6 lease
    client_id: str = ""  # of an IPv4 lease, if the machine sends one

    @property
    def key(self) -> tuple[Address, str]:
        return (self.ip, self.mac or self.duid)


def parse_leases(data: bytes) -> list[LeaseRecord]:
    """Every lease of the file. Other lines are ignored; of two leases with one key the last
    counts."""
    leases = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        if lease := _parse_line(line):
            leases[lease.key] = lease
    return list(leases.values())


def read_stable(path: Path) -> bytes:
    """The whole file. dnsmasq writes it in place: half a file would end the leases of the other
    half. Raises FileKeepsChanging, or another OSError."""
    for _ in range(_ATTEMPTS):
        before, data = file_mark(path), path.read_bytes()
        time.sleep(_STABLE)
        is_still = before == file_mark(path) and before[1] == len(data)
        if is_still and data[-1:] in (b"", b"\n"):
            return data
    raise FileKeepsChanging(None, "it changes all the time", str(path))


def count(data: bytes) -> tuple[int, int]:
    """How many lines are as dnsmasq writes them, and how many are not."""
    lines = list(filter(None, data.split(b"\n")))
    good = len(list(filter(_LINE.fullmatch, lines)))
    return good, len(lines) - good


def is_garbage(data: bytes) -> bool:
    """Whether somebody has put something else into the file."""
    good, bad = count(data)
    return bad > 0 and good == 0


def file_mark(path: Path) -> tuple[int, int, int]:
    """What changes when the file does. Raises OSError for a device or a pipe, whose reading might
    never end. (Reading a directory raises by itself.)"""
    status = os.stat(path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise OSError(None, "it is not a regular file", str(path))
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(_REMEMBERED)
def _parse_line(line: str) -> LeaseRecord | None:
    words = line.split()
    if len(words) < 4:
        return None
    until, machine, address, hostname, duid = [*words, ""][:5]
    try:
        ip, end = parse_address(address), _parse_time(until)
    except ValueError:
        return None
    if hostname == "*":  # the machine sent none
        hostname = ""
    hostname = _printable(hostname)[:_LONGEST_NAME]
    duid = _printable(duid).lower()[:_LONGEST_DUID]
    if ip.version == 4:  # then the fifth word is a client identifier, or "*"
        return LeaseRecord(ip, _parse_mac(machine), end, hostname, client_id=duid.strip("*"))
    return LeaseRecord(ip, mac_of_duid(duid), end, hostname, duid)


def mac_of_duid(duid: str) -> str | None:
    """The Ethernet address that a DUID contains, if it contains one."""
    for start, at in _DUID_MACS:
        if duid.startswith(start) and len(duid) == at + len("02:00:00:00:00:0a"):
            return _parse_mac(duid[at:])
    return None


def _parse_mac(text: str) -> str | None:
    """None where dnsmasq writes a hardware type before the address: not an Ethernet card."""
    try:
        return parse_mac(text)
    except ValueError:
        return None


def _parse_time(text: str) -> datetime:
    """Seconds since 1970. Raises ValueError."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a time")
    seconds = int(text[:12])
    if seconds == 0 or seconds > FOREVER.timestamp():
        return FOREVER
    return datetime.fromtimestamp(seconds, UTC)


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))
