"""Decide which records dnsmasq may be told: a bad one is left out alone, or loses just its name.

Nothing here raises: whatever the ledger holds, the good records are served and each bad one is
named."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from dhcp.files.names import safe_name
from dhcp.files.records import HostLine, HostRecord, Problem, Sifted
from ipam.addresses import Address, Network

# Keeps a line far from the 1024 characters after which dnsmasq reads the rest as a line of its own.
MOST_MACS = 16
_REMEMBERED = 2**16  # values: from one sift to the next, most stay what they were
_LIMITED_BROADCAST = IPv4Address("255.255.255.255")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_DUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2,127}")
_ANY_PREFIX = IPv6Network("::/64")
_NOBODY = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


@dataclass(slots=True)
class _Taken:
    """Who has which address, card (by MAC or DUID) and name so far."""

    addresses: dict[Address, HostRecord] = field(default_factory=dict)
    cards: dict[Network | None, dict[str, HostRecord]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    names: dict[tuple[str, int], HostRecord] = field(default_factory=dict)


def sift(records: Iterable[HostRecord]) -> Sifted:
    """Good lines sorted by address, and the problems. Of two that want the same, the older row
    keeps it."""
    sifted, taken = Sifted(), _Taken()
    for record in sorted(records, key=_seniority):
        problem = _flaw(record) or _clash(record, taken)
        if problem:
            sifted.problems.append(problem)
        else:
            _accept(record, taken, sifted)
    sifted.lines.sort(key=lambda line: (line.ip.version, int(line.ip)))
    return sifted


def _seniority(record: HostRecord) -> tuple[object, ...]:
    """Servers before their interfaces, then by age; the rest only makes the order total."""
    return (
        record.kind != "server",
        record.kind,
        record.id,
        record.macs,
        record.duid,
        record.name,
        str(record.ip),
    )


def _flaw(record: HostRecord) -> Problem | None:
    """What is wrong with the record by itself."""
    if reason := _mac_flaw(record.macs, record.duid):
        return Problem(record, "mac", reason)
    if reason := _address_flaw(record.ip, record.subnet):
        return Problem(record, "ip", reason)
    if reason := _duid_flaw(record.duid, record.ip):
        return Problem(record, "duid", reason)
    if record.by_end and record.ip.version == 6 and (reason := _end_flaw(record)):
        return Problem(record, "ip", reason)
    return None


@lru_cache(_REMEMBERED)
def _mac_flaw(macs: tuple[str, ...], duid: str) -> str:
    if not macs and not duid:
        return "there is no MAC address"
    if len(macs) > MOST_MACS:
        return f"more than {MOST_MACS} MAC addresses"
    if len(set(macs)) < len(macs):
        return "the same MAC address twice"
    for mac in macs:
        if not _MAC.fullmatch(mac):
            return f"{mac!r} is not a MAC address"
        if mac in _NOBODY or int(mac[1], 16) & 1:
            return f"{mac} is a group or nobody's address, not a card's"
    return ""


def _duid_flaw(duid: str, ip: Address) -> str:
    if duid and not _DUID.fullmatch(duid):
        return f"{duid[:80]!r} is not a DUID"
    return "DHCP for IPv4 knows no DUID" if duid and ip.version == 4 else ""


def _end_flaw(record: HostRecord) -> str:
    """An end alone says something in a /64 only, and 0 is no machine's."""
    if record.subnet is None or record.subnet.prefixlen != 64:
        return f"{record.ip} can be reserved by its end in a /64 only"
    return "" if int(record.told_ip) else f"{record.ip} ends in nothing but zeros"


@lru_cache(_REMEMBERED)
def _address_flaw(ip: Address, subnet: Network | None) -> str:
    if not isinstance(ip, IPv4Address | IPv6Address):
        return f"{ip!r} is not an IP address"
    # The text after % may be anything at all, a comma or a newline too.
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip.ipv4_mapped):
        return "an address with a zone, or an IPv4 address in IPv6 spelling, cannot be reserved"
    if subnet is None or ip not in subnet:
        return f"no subnet holds {ip}"
    if ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip == _LIMITED_BROADCAST:
        return f"{ip} is not a host's address"
    # dnsmasq would hand these out. /31, /32, /127 and /128 have none.
    if subnet.num_addresses > 2 and ip == subnet.network_address:
        return f"{ip} is the network address of {subnet}"
    if subnet.num_addresses > 2 and subnet.version == 4 and ip == subnet.broadcast_address:
        return f"{ip} is the broadcast address of {subnet}"
    return ""


def _clash(record: HostRecord, taken: _Taken) -> Problem | None:
    """Which earlier record wants the same address, or has this MAC in the same subnet."""
    holder = taken.addresses.get(record.ip) or taken.addresses.get(record.told_ip)
    if holder and holder.ip != record.ip:
        return Problem(
            record,
            "ip",
            f"the end {record.told_ip} is already reserved for {holder.key} ({holder.ip})",
        )
    if holder:
        full = (
            f" with {MOST_MACS} MAC addresses, the most there can be"
            if len(holder.macs) == MOST_MACS
            else ""
        )
        return Problem(record, "ip", f"{record.ip} is already reserved for {holder.key}{full}")
    for card in record.identities:
        holder = taken.cards[_place(record)].get(card)
        if holder:
            what = "duid" if card == record.duid else "mac"
            return Problem(
                record, what, f"{card} already has {holder.ip} in {holder.subnet} ({holder.key})"
            )
    return None


def _place(record: HostRecord) -> Network | None:
    """Where a card has one address: an end counts in every /64 alike."""
    return _ANY_PREFIX if record.by_end and record.ip.version == 6 else record.subnet


def _accept(record: HostRecord, taken: _Taken, sifted: Sifted) -> None:
    name = safe_name(record.name)
    reason = name.reason or _name_clash(record, name.text, taken)
    if reason:
        sifted.problems.append(Problem(record, "name", reason))
    text = "" if reason else name.text
    taken.addresses[record.ip] = taken.addresses[record.told_ip] = record
    taken.cards[_place(record)].update(dict.fromkeys(record.identities, record))
    if text:
        taken.names[text, record.ip.version] = record
    sifted.lines.append(HostLine(record.macs, record.told_ip, text, record.duid))


def _name_clash(record: HostRecord, name: str, taken: _Taken) -> str:
    """One name may have one IPv4 and one IPv6 address, as a server with both has."""
    holder = taken.names.get((name, record.ip.version))
    return f"{name!r} is already the name of {holder.ip} ({holder.key})" if holder else ""
