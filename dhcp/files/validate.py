"""Decide which records dnsmasq may read: an invalid one is left out alone, or loses just its name.

Nothing here raises: whatever the ledger holds, the valid records are served and each invalid one is
named with its reason."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain
from operator import attrgetter, itemgetter

from dhcp.files.names import safe_name
from dhcp.files.records import HostLine, HostRecord, IgnoredLine, Problem, Validated
from ipam.addresses import Address, Network

# Keeps a line far from the 1024 characters after which dnsmasq reads the rest as a line of its own.
MOST_MACS = 16
FEW = 200  # records that come or go beside the others
_REMEMBERED = 2**16  # values: from one run to the next, most stay what they were
# Unspecified, loopback, multicast and limited broadcast (RFC 6890, RFC 4291).
_NO_HOSTS: dict[int, list[Network]] = {
    4: list(map(IPv4Network, ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"))),
    6: list(map(IPv6Network, ("::/127", "ff00::/8"))),
}
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_DUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2,127}")
_ANY_PREFIX = IPv6Network("::/64")
# Zero, and every group address, broadcast included: the lowest bit of the first byte is set.
_NO_CARD = re.compile(r"00(:00){5}|[0-9a-f][13579bdf](:[0-9a-f]{2}){5}")
# Of two records that want the same, the earlier kind wins; a hand edit yields to every other.
_SENIORITY = {"server": 0, "interface": 1, "ipaddress": 2, "handedit": 3}


@dataclass(slots=True)
class _Taken:
    """Which record has which address, card (by MAC or DUID) and name so far."""

    addresses: dict[Address, HostRecord] = field(default_factory=dict)
    cards: dict[Network | None, dict[str, HostRecord]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    names: dict[tuple[str, int], HostRecord] = field(default_factory=dict)

    def add(self, record: HostRecord, name: str) -> None:
        self.addresses[record.ip] = self.addresses[record.written_ip] = record
        self.cards[_place(record)].update(dict.fromkeys(record.identities, record))
        if name:
            self.names[name, record.ip.version] = record

    def remove(self, record: HostRecord, name: str) -> None:
        """The record that was added with this name."""
        for ip in {record.ip, record.written_ip}:
            del self.addresses[ip]
        cards = self.cards[_place(record)]
        for identity in set(record.identities):
            del cards[identity]
        if name:
            del self.names[name, record.ip.version]


def validate(records: Iterable[HostRecord], ignored: Iterable[HostRecord] = ()) -> Validated:
    """Valid lines sorted by address, and the problems. Of two records that want the same, the older
    row keeps it; whoever is ignored has no line at all."""
    return Validator().validate(records, ignored)


class Validator:
    """Validates the records of one DHCP server again and again, with the result of `validate`.

    Records that are the same objects as the last time are not validated again, when few others
    came and went and none of those has to do with a problem."""

    def __init__(self) -> None:
        self._records: dict[int, HostRecord] = {}  # by their identity
        self._ignored: tuple[HostRecord, ...] = ()
        self._begin()

    def validate(
        self, records: Iterable[HostRecord], ignored: Iterable[HostRecord] = ()
    ) -> Validated:
        present = {id(record): record for record in records}
        refusing = tuple(ignored)
        if refusing != self._ignored or not self._update(present):
            self._ignored = refusing
            self._begin()
            for record in sorted(present.values(), key=_seniority):
                self._add(record)
        self._records = present
        lines = map(itemgetter(1), sorted(self._lines.values(), key=itemgetter(0)))
        return Validated(tuple(lines), tuple(self._problems), _ignored_lines(self._refused))

    def _begin(self) -> None:
        self._taken = _Taken()
        self._lines: dict[int, tuple[tuple[int, int], HostLine]] = {}  # with their places
        self._refused, self._problems = _refused(self._ignored)
        self._contested: frozenset[object] | None = None

    def _add(self, record: HostRecord) -> None:
        taken = self._taken
        problem = _flaw(record) or _refusal(record, self._refused) or _clash(record, taken)
        if problem:
            self._problems.append(problem)
            return
        name, reason = _name(record, taken)
        if reason:
            self._problems.append(Problem(record, "name", reason))
        taken.add(record, name)
        ip = record.written_ip
        line = HostLine(record.macs, ip, name, record.duid, record.sources)
        self._lines[id(record)] = (ip.version, int(ip)), line

    def _update(self, present: Mapping[int, HostRecord]) -> bool:
        """Let records come and go. False when everything has to be validated anew, because a
        problem might end or begin."""
        if not self._records:
            return False
        gone = list(map(self._records.__getitem__, self._records.keys() - present.keys()))
        new = list(map(present.__getitem__, present.keys() - self._records.keys()))
        if len(gone) + len(new) > FEW or self._is_contested([*gone, *new]):
            return False
        number = len(self._problems)
        for record in gone:
            _place, line = self._lines.pop(id(record))
            self._taken.remove(record, line.name)
        for record in sorted(new, key=_seniority):
            self._add(record)
        return len(self._problems) == number

    def _is_contested(self, records: Iterable[HostRecord]) -> bool:
        """Whether one of them claims what a record with a problem claims, too."""
        if self._contested is None:
            troubled = map(attrgetter("record"), self._problems)
            self._contested = frozenset(chain.from_iterable(map(_claims, troubled)))
        return not all(map(self._contested.isdisjoint, map(_claims, records)))


def _claims(record: HostRecord) -> Iterator[object]:
    """Whatever two records might both want."""
    yield record.ip
    yield record.written_ip
    yield from record.identities
    yield "name", safe_name(record.name).text


def _refused(ignored: Iterable[HostRecord]) -> tuple[dict[str, HostRecord], list[Problem]]:
    """The MACs and DUIDs to ignore with their records, and what is wrong with the others."""
    refused: dict[str, HostRecord] = {}
    problems = []
    for record in sorted(ignored, key=_seniority):
        if reason := _mac_flaw(record.macs, record.duid):
            problems.append(Problem(record, "mac", reason))
        elif record.duid and not _DUID.fullmatch(record.duid):
            problems.append(Problem(record, "duid", f"{record.duid[:80]!r} is not a DUID"))
        else:
            for identity in record.identities:
                refused.setdefault(identity, record)
    return refused, problems


def _refusal(record: HostRecord, refused: Mapping[str, HostRecord]) -> Problem | None:
    """Ignored means ignored, whatever another row says of the same card."""
    for identity in filter(refused.__contains__, record.identities):
        reason = f"{identity} is ignored ({refused[identity].key} is disabled)"
        return Problem(record, "mac", reason)
    return None


def _ignored_lines(refused: Mapping[str, HostRecord]) -> tuple[IgnoredLine, ...]:
    """One line for each card, whose identities stand together."""
    lines = {}
    for record in refused.values():
        macs = tuple(mac for mac in record.macs if refused[mac] is record)
        duid = record.duid if refused.get(record.duid) is record else ""
        lines[record.key] = IgnoredLine(macs, duid, record.sources)
    return tuple(lines.values())


def _seniority(record: HostRecord) -> tuple[object, ...]:
    """Servers before their interfaces, then by age; the rest only makes the order total."""
    return (
        _SENIORITY.get(record.kind, len(_SENIORITY)),
        record.id,
        record.macs,
        record.duid,
        record.name,
        str(record.ip),
    )


def _flaw(record: HostRecord) -> Problem | None:
    """What is wrong with the record by itself."""
    for column, reason in filter(itemgetter(1), _flaws(record)):
        return Problem(record, column, reason)
    return None


def _flaws(record: HostRecord) -> Iterator[tuple[str, str]]:
    """What each check says, empty where it finds nothing; each relies on those before it."""
    yield "mac", _mac_flaw(record.macs, record.duid)
    yield "ip", _address_flaw(record.ip, record.subnet)
    yield "duid", _duid_flaw(record.duid, record.ip)
    yield "ip", _end_flaw(record)


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
        if _NO_CARD.fullmatch(mac):
            return f"{mac} is a zero, group or broadcast MAC address; no network card has it"
    return ""


def _duid_flaw(duid: str, ip: Address) -> str:
    if not duid:
        return ""
    if not _DUID.fullmatch(duid):
        return f"{duid[:80]!r} is not a DUID"
    if ip.version == 4:
        return "DHCP for IPv4 has no DUID"
    return ""


def _end_flaw(record: HostRecord) -> str:
    """The lower half identifies an address in a /64 only, and no machine has 0."""
    if not record.is_written_by_end:
        return ""
    assert record.subnet  # without one, _address_flaw has found that
    if record.subnet.prefixlen != 64:
        return f"{record.ip} can be reserved by its end in a /64 only"
    if not int(record.written_ip):
        return f"{record.ip} ends in zeros only"
    return ""


@lru_cache(_REMEMBERED)
def _address_flaw(ip: Address, subnet: Network | None) -> str:
    if not isinstance(ip, IPv4Address | IPv6Address):
        return f"{ip!r} is not an IP address"
    # The text after % may be anything at all, a comma or a newline too.
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip.ipv4_mapped):
        return "an address with a zone, or an IPv4 address in IPv6 spelling, cannot be reserved"
    if subnet is None or ip not in subnet:
        return f"no subnet holds {ip}"
    if any(ip in network for network in _NO_HOSTS[ip.version]):
        return f"{ip} is not a host address"
    return _edge_flaw(ip, subnet)


def _edge_flaw(ip: Address, subnet: Network) -> str:
    """dnsmasq would hand these out. /31, /32, /127 and /128 have none."""
    edges = {subnet.network_address: "network"}
    if subnet.version == 4:
        edges[subnet.broadcast_address] = "broadcast"
    if subnet.num_addresses <= 2 or ip not in edges:
        return ""
    return f"{ip} is the {edges[ip]} address of {subnet}"


def _clash(record: HostRecord, taken: _Taken) -> Problem | None:
    """Which earlier record wants the same address, or has this MAC in the same subnet."""
    holder = taken.addresses.get(record.ip) or taken.addresses.get(record.written_ip)
    if holder:
        return Problem(record, "ip", _address_clash(record, holder))
    for identity in record.identities:
        holder = taken.cards[_place(record)].get(identity)
        if holder:
            field = "duid" if identity == record.duid else "mac"
            reason = f"{identity} already has {holder.ip} in {holder.subnet} ({holder.key})"
            return Problem(record, field, reason)
    return None


def _address_clash(record: HostRecord, holder: HostRecord) -> str:
    if holder.ip != record.ip:
        return f"the end {record.written_ip} is already reserved for {holder.key} ({holder.ip})"
    reason = f"{record.ip} is already reserved for {holder.key}"
    if len(holder.macs) == MOST_MACS:
        reason += f" with {MOST_MACS} MAC addresses, the most there can be"
    return reason


def _place(record: HostRecord) -> Network | None:
    """Where a card has one address: an end counts in every /64 alike."""
    if record.is_written_by_end:
        return _ANY_PREFIX
    return record.subnet


def _name(record: HostRecord, taken: _Taken) -> tuple[str, str]:
    """The name to write, and why it is none. One name may have one IPv4 and one IPv6 address, as a
    server with both has."""
    name = safe_name(record.name)
    if name.reason:
        return "", name.reason
    holder = taken.names.get((name.text, record.ip.version))
    if holder:
        return "", f"{name.text!r} is already the name of {holder.ip} ({holder.key})"
    return name.text, ""
