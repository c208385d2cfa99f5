"""Read dnsmasq's lease file: who says what, nothing decided. The same bytes are the same leases.

1763696000 02:00:00:00:00:0a 10.77.0.9 web 01:02:00:00:00:00:0a
duid 00:01:00:01:2b:...
1763696000 1234 fd00::50 web 00:03:00:01:02:00:00:00:00:0a
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ipam.addresses import Address, parse_address, parse_mac

# dnsmasq writes 0 for a lease without an end. Later years overflow in some time zones.
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_REMEMBERED = 2**16  # lines: from one reading to the next, most stay what they were
_LONGEST_NAME, _LONGEST_DUID = 255, 767
# Identifiers that contain an Ethernet address: DUID-LL, and DUID-LLT with four bytes of time before
# it.
_DUID_MACS = (("00:03:00:01:", 12), ("00:01:00:01:", 24))


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """One address that one machine may use until then. IPv6 leases name a MAC only if their DUID
    does."""

    ip: Address
    mac: str | None
    until: datetime
    hostname: str = ""
    duid: str = ""

    @property
    def key(self) -> tuple[Address, str]:
        return (self.ip, self.mac or self.duid)


def parse_leases(data: bytes) -> list[LeaseRecord]:
    """Every lease of the file; lines that are none are passed over. Of two equal ones the last
    counts."""
    lines = data.decode("utf-8", "replace").split("\n")
    return list({lease.key: lease for lease in _leases(lines)}.values())


def _leases(lines: list[str]) -> Iterator[LeaseRecord]:
    for line in lines:
        if lease := _lease(line):
            yield lease


@lru_cache(_REMEMBERED)
def _lease(line: str) -> LeaseRecord | None:
    words = line.split()
    if len(words) < 4:
        return None
    until, machine, address, name, *rest = words
    try:
        ip, end = parse_address(address), _moment(until)
    except ValueError:
        return None
    hostname = "" if name == "*" else _printable(name)[:_LONGEST_NAME]
    if ip.version == 4:
        return LeaseRecord(ip, _mac(machine), end, hostname)
    duid = _printable(rest[0] if rest else "").lower()[:_LONGEST_DUID]
    return LeaseRecord(ip, mac_of_duid(duid), end, hostname, duid)


def mac_of_duid(duid: str) -> str | None:
    """The Ethernet address that a DUID was made from, if it was."""
    for start, at in _DUID_MACS:
        if duid.startswith(start) and len(duid) == at + 17:
            return _mac(duid[at:])
    return None


def _mac(text: str) -> str | None:
    """None for what is no Ethernet card's address: dnsmasq puts a hardware type before those."""
    try:
        return parse_mac(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no moment")
    seconds = int(text[:12])
    return (
        FOREVER
        if seconds == 0 or seconds > FOREVER.timestamp()
        else datetime.fromtimestamp(seconds, UTC)
    )


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())
