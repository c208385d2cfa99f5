"""Read a finished hosts file as dnsmasq would, by our own strict grammar, and say what is wrong
with it.

Knows nothing of render.py: whatever error hides there, it does not hide here too. An empty answer
means that every line is a comment or exactly `[id:DUID,][MAC,...]IP[,name]`, so nothing else can
reach dnsmasq."""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

from ipam.addresses import Address, Network

# dnsmasq's buffer takes 1024 characters and reads the rest as a new line.
LONGEST_LINE = 1000
MOST_COMPLAINTS = 20
COMMENT = "a comment"
IGNORED = "a machine that dnsmasq ignores"
_REMEMBERED = 2**16  # lines: from one file to the next, most stay what they were

_HEX = "[0-9a-f]"
_ROW = re.compile(
    rf"(?:id:(?P<duid>{_HEX}{{2}}(?::{_HEX}{{2}}){{2,127}}),)?"
    rf"(?P<macs>(?:(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}},)*)"
    r"(?:(?P<v4>[0-9.]{7,15})|\[(?P<v6>[0-9a-f:]{2,39})\])"
    r"(?:,(?!ignore$|infinite$|[0-9]+[smhdw]?$)(?P<name>[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?))?"
)

_IGNORED = re.compile(
    rf"(?!ignore)(?:id:{_HEX}{{2}}(?::{_HEX}{{2}}){{2,127}},)?"
    rf"(?:(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}},)*ignore"
)
_OPTION = re.compile(
    rb"#.*|tag:s[0-9]{1,19},"
    rb"(?:option:(?:router|dns-server|ntp-server|domain-name|server-ip-address|bootfile-name)"
    rb"|option6:(?:dns-server|sntp-server|domain-search|bootfile-url|[0-9]{1,3})|[0-9]{1,3})"
    rb"(?:,[A-Za-z0-9/._~:@?&=+%\[\],<> -]+)?"
)
# Zero, and every group address: the lowest bit of the first byte is set.
_NO_CARD = re.compile(
    rf"(?<![0-9a-f:])(?:00(?::00){{5}}|{_HEX}[13579bdf](?::{_HEX}{{2}}){{5}})(?=,)"
)
_PRINTABLE = re.compile(rb"[ -~]*")
_ANY_PREFIX = IPv6Network("::/64")


@dataclass(frozen=True, slots=True)
class Row:
    """One reservation as it stands in the file."""

    macs: tuple[str, ...]
    ip: Address
    name: str
    duid: str = ""

    @property
    def identities(self) -> tuple[str, ...]:
        """Whom it is for."""
        if self.duid:
            return (*self.macs, self.duid)
        return self.macs

    @property
    def is_end(self) -> bool:
        """Whether it is the lower half of an IPv6 address, for whichever prefix the network has."""
        return self.ip.version == 6 and int(self.ip) >> 64 == 0


@dataclass(slots=True)
class Reading:
    """What a file says: its rows, and every reason not to use it."""

    rows: list[Row] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)  # MACs and DUIDs
    complaints: list[str] = field(default_factory=list)


def hosts_file(data: bytes, networks: Collection[Network] | None, by_end: bool = False) -> Reading:
    """Read the whole file; `networks` are the subnets that may hold its addresses, None if any may.
    `by_end`: lines may name the lower half of an IPv6 address."""
    reading = Reading()
    if not _is_ended(data):
        reading.complaints.append("the last line does not end")
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        row = host_row(line)
        if isinstance(row, Row):
            reading.rows.append(row)
        elif row == IGNORED:
            reading.ignored.update(_ignored(line))
        elif row != COMMENT:
            reading.complaints.append(f"line {number}: {row}")
    reading.complaints += _doubles(reading.rows)
    reading.complaints += _served_though_ignored(reading)
    if networks is not None:
        reading.complaints += _misplaced(reading.rows, networks, by_end)
    del reading.complaints[MOST_COMPLAINTS:]
    return reading


@lru_cache(_REMEMBERED)
def host_row(line: bytes) -> Row | str:
    """The reservation on one line, or COMMENT, or IGNORED, or what is wrong with the line."""
    complaint = _unreadable(line)
    if complaint:
        return complaint
    text = line.decode("ascii")
    if text.startswith("#"):
        return COMMENT
    match = _ROW.fullmatch(text)
    if match:
        return _row(match)
    if _IGNORED.fullmatch(text) and not _NO_CARD.search(text):
        return IGNORED
    return f"not MAC,IP[,name]: {text[:80]!r}"


def opts_file(data: bytes) -> list[str]:
    """What is wrong with a finished options file: every line is a comment or
    `tag:sN,OPTION[,VALUE]`."""
    complaints = []
    if not _is_ended(data):
        complaints.append("the last option line does not end")
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        complaint = _unreadable(line) or _no_option(line)
        if complaint:
            complaints.append(f"option line {number}: {complaint}")
    return complaints[:MOST_COMPLAINTS]


def _is_ended(data: bytes) -> bool:
    return data[-1:] in (b"", b"\n")


def _unreadable(line: bytes) -> str:
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE} characters"
    if not _PRINTABLE.fullmatch(line):
        return "a character that is not printable ASCII"
    return ""


def _no_option(line: bytes) -> str:
    if _OPTION.fullmatch(line):
        return ""
    return f"not tag:sN,OPTION[,VALUE]: {line[:80]!r}"


def _row(match: re.Match[str]) -> Row | str:
    parts = match.groupdict("")
    if not parts["macs"] + parts["duid"]:
        return "neither a MAC address nor a DUID"
    if parts["duid"] and parts["v4"]:
        return "a DUID with an IPv4 address"
    text = parts["v4"] + parts["v6"]  # the grammar allows just one of them
    try:
        ip = ip_address(text)
    except ValueError as error:
        return str(error)
    if str(ip) != text:
        return f"{ip} in another spelling"
    if found := _NO_CARD.search(parts["macs"]):
        return f"{found[0]} is not the address of a network card"
    return Row(tuple(parts["macs"].split(",")[:-1]), ip, parts["name"], parts["duid"])


def _ignored(line: bytes) -> list[str]:
    """The MACs and DUID of a line of an ignored machine."""
    *identities, _ignore = line.decode("ascii").split(",")
    return [identity.removeprefix("id:") for identity in identities]


def _served_though_ignored(reading: Reading) -> list[str]:
    found = []
    for row in reading.rows:
        for identity in reading.ignored.intersection(row.identities):
            found.append(f"{identity} is ignored and has {row.ip}")
    return found


def _doubles(rows: list[Row]) -> list[str]:
    """An address, or a name within one IP version, that stands in two rows."""
    found: list[str] = []
    addresses: set[tuple[int, int]] = set()  # numbers: addresses are slow to tell apart
    names: set[tuple[str, int]] = set()
    for row in rows:
        version = row.ip.version
        name, ip = (row.name, version), (version, int(row.ip))
        if ip in addresses:
            found.append(f"{row.ip} stands twice")
        if row.name and name in names:
            found.append(f"the name {row.name} stands twice")
        addresses.add(ip)
        names.add(name)
    return found


def _misplaced(rows: list[Row], networks: Collection[Network], by_end: bool) -> list[str]:
    """Addresses that no subnet holds, that are not a host's, and cards with two addresses in one
    subnet."""
    found: list[str] = []
    homes = _homes(tuple(networks))
    seen: dict[int, set[str]] = defaultdict(set)  # by the identity of the network
    for row in rows:
        home = _ANY_PREFIX if by_end and row.is_end else homes.of(row.ip)
        if home is None:
            found.append(f"no subnet holds {row.ip}")
            continue
        if homes.reserves(row.ip, home):
            found.append(f"{row.ip} is not a host address of {home}")
        cards, identities = seen[id(home)], row.identities
        before = len(cards)
        cards.update(identities)
        if len(cards) < before + len(identities):
            found.append(f"{row.identities[0]} has two lines in {home}")
    return found


def _edges(home: Network) -> frozenset[int]:
    """Network and broadcast address; /31, /32, /127 and /128 have none."""
    if home.prefixlen >= home.max_prefixlen - 1:
        return frozenset()
    edges = [home.network_address]
    if home.version == 4:
        edges.append(home.broadcast_address)
    return frozenset(map(int, edges))


@lru_cache(4)
def _homes(networks: tuple[Network, ...]) -> "_Homes":
    """From one file to the next, they stay what they were."""
    return _Homes(networks)


class _Homes:
    """The most specific network around an address, by one probe for each prefix length in use."""

    def __init__(self, networks: Collection[Network]) -> None:
        self.edges: dict[int, frozenset[int]] = {}  # by the identity of the network
        self.networks = {(net.version, net.prefixlen, int(net[0])): net for net in networks}
        self.lengths: dict[int, list[int]] = {4: [], 6: []}  # by IP version, the longest first
        for version, length in sorted({key[:2] for key in self.networks}, reverse=True):
            self.lengths[version].append(length)

    def of(self, ip: Address) -> Network | None:
        version, bits, value = ip.version, ip.max_prefixlen, int(ip)
        for length in self.lengths[version]:
            low = bits - length
            home = self.networks.get((version, length, value >> low << low))
            if home is not None:
                return home
        return None

    def reserves(self, ip: Address, home: Network) -> bool:
        """Whether it is the network's own address, or its broadcast address. `home` is one of
        these networks, or lives as long as this module."""
        if id(home) not in self.edges:
            self.edges[id(home)] = _edges(home)
        return int(ip) in self.edges[id(home)]
