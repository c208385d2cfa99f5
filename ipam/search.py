"""Turn the text of a search box into a condition: an address, a network, a MAC address, the start
or a part of one, or a name.

Addresses become ranges and whole MAC addresses equalities, so that an index answers; only names and
parts of MAC addresses are searched by part."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Contains, IContains

from ipam import addresses
from ipam.addresses import Address, Network

Range = tuple[Address, Address]

_OCTETS = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\.?", re.ASCII)
_GROUPS = re.compile(r"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6}:{0,2}", re.ASCII)
_VLAN = re.compile(r"\d{1,4}", re.ASCII)
_MAC_PAIRS = re.compile(  # 04: or :04 or 04:b1 or 04-b1-7
    r"[0-9a-f]{2}[:-]|[:-][0-9a-f]{2}|[0-9a-f]{0,2}([:-][0-9a-f]{2}){1,4}[:-][0-9a-f]{0,2}"
    r"|[0-9a-f]{1,2}[:-][0-9a-f]{1,2}",
    re.ASCII,
)
_MAC_CISCO = re.compile(r"[0-9a-f]{4}(\.[0-9a-f]{4}){1,2}\.?", re.ASCII)  # 04b1.75ef
# 04b175. A number without a letter is one of a name: pairs such as 00 are in every MAC address.
_MAC_DIGITS = re.compile(r"(?=.*[a-f])[0-9a-f]{4,12}", re.ASCII)
_PAIRS = re.compile("..(?=.)")


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """What the text of a search box may mean: addresses in one of the ranges, a whole MAC address,
    parts of one, or a part of a name."""

    ranges: tuple[Range, ...] = ()
    mac: str = ""
    mac_parts: tuple[str, ...] = ()
    name: str = ""


class ServerTexts(Func):
    """The searched texts of a server as one, a unit separator between them: one condition, and one
    look into PostgreSQL's index (sql/postgresql/trigram_indexes.sql)."""

    template = "(%(expressions)s)"
    arg_joiner = " || chr(31) || "
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, arg_joiner=" || char(31) || ", **context)


# What is searched by part of an address row or an interface, and of a server.
ADDRESS_NAMES = (F("hostname"), F("vm_id"))
SERVER_TEXTS = (
    ServerTexts("hostname", "device_type", "manufacturer", "location", "lan_port", "description"),
)


def meaning(text: str) -> SearchTerm | None:
    """What a stripped text means; None if no row can match it. Text that is an address, a network
    or a MAC address means nothing else."""
    if "\0" in text:
        return None  # no text in PostgreSQL holds one, and asking is an error
    if network := (text.endswith("::") and start_of_ipv6(text)) or _network(text):
        return SearchTerm(ranges=((network.network_address, network.broadcast_address),))
    try:
        return SearchTerm(mac=addresses.parse_mac(text))
    except ValueError:
        return SearchTerm(tuple(_starts(text)), "", tuple(parts_of_mac(text)), text)


def condition(text: str, names: Sequence[F | Func] = ADDRESS_NAMES) -> Q:
    """The rows with an address and a MAC that the text asks for; `names` are searched by part.

    Empty text asks for all of them.
    """
    text = text.strip()
    if not text:
        return Q()
    term, found = meaning(text), Q(pk__in=[])
    if term is None:
        return found
    if term.mac:
        return Q(mac_address=term.mac)
    for ends in term.ranges:
        found |= Q(ip_address__range=ends)
    for part in term.mac_parts:
        found |= Q(Contains(Cast(F("mac_address"), TextField()), part))
    if term.name:
        found |= by_part(term.name, names)
    return found


def by_part(text: str, names: Sequence[F | Func]) -> Q:
    """The rows of which one of the names has the text in it, in any case."""
    found = Q(pk__in=[])
    for name in names:
        found |= Q(IContains(name, text))
    return found


def subnets(text: str) -> Q:
    """The subnets that the text asks for: those around an address, those inside a network, those
    whose network begins so, the VLAN of this number, or a part of a name, site or description."""
    text = text.strip()
    if not text:
        return Q()
    if "\0" in text:
        return Q(pk__in=[])  # no text in PostgreSQL holds one, and asking is an error
    network = _network(text)
    if network and network.num_addresses == 1:
        return _around(network)
    if network:
        return _inside(network)
    found = Q(name__icontains=text) | Q(site__icontains=text) | Q(description__icontains=text)
    if _VLAN.fullmatch(text):
        found |= Q(vlan_id=int(text))
    for low, high in _starts(text):
        found |= _beginning_in(low, high)
    return found


def _around(network: Network) -> Q:
    return Q(network__in=list(addresses.supernets(network)))


def _inside(network: Network) -> Q:
    return Q(network__gte=network, network__lte=addresses.last_inside(network))


def _beginning_in(low: Address, high: Address) -> Q:
    """The subnets whose first address lies in the range, however large they are."""
    zeros = (int(low) & -int(low)).bit_length() - 1 if int(low) else low.max_prefixlen
    widest = ipaddress.ip_network(f"{low}/{low.max_prefixlen - zeros}")
    return Q(network__gte=widest, network__lte=addresses.host_network(high))


def _network(text: str) -> Network | None:
    """The network that is meant by an address or a CIDR, host bits forgiven."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(addresses.MAPPED):
        return ipaddress.ip_network(
            (int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)
        )
    return network


def parts_of_mac(text: str) -> Iterator[str]:
    """A part of a MAC address as our MACs write it. Digits without separators may begin in the
    middle of a pair: `5e10` is in 5e:10 and in 15:e1:02. Nothing for any other text."""
    text = text.lower()
    if _MAC_PAIRS.fullmatch(text):
        yield text.replace("-", ":")
    elif _MAC_CISCO.fullmatch(text) or _MAC_DIGITS.fullmatch(text):
        digits = text.replace(".", "")
        yield _PAIRS.sub(r"\g<0>:", digits)
        if "." not in text:
            shifted = _PAIRS.sub(r"\g<0>:", digits[1:])
            yield f"{digits[0]}:{shifted}"


def _starts(text: str) -> Iterator[Range]:
    """The ranges of addresses that the text may be the start of."""
    yield from starts_of_ipv4(text)
    if network := start_of_ipv6(text):
        yield network.network_address, network.broadcast_address


def starts_of_ipv4(text: str) -> Iterator[Range]:
    """The addresses that begin with `10.112.` or `10.112.3`. Without a dot at the end, the last
    number may go on: 10.112.3.0, and 10.112.30.0 to 10.112.39.255."""
    if not _OCTETS.fullmatch(text):
        return
    octets = text.rstrip(".").split(".")
    shift = 8 * (4 - len(octets))
    try:
        whole = int(ipaddress.IPv4Address(".".join(octets + ["0"] * (4 - len(octets))))) >> shift
    except ValueError:  # above 255, or with a leading zero
        return
    last, more = whole & 255, 1
    while last * more <= 255 and more <= 100:
        low = (whole & ~255) | last * more
        high = (whole & ~255) | min(255, last * more + more - 1)
        yield (
            ipaddress.IPv4Address(low << shift),
            ipaddress.IPv4Address((high << shift) | ((1 << shift) - 1)),
        )
        if text.endswith(".") or last == 0:
            return
        more *= 10


def start_of_ipv6(text: str) -> Network | None:
    """`2001:db8:` as the network of all addresses that begin so."""
    if ":" not in text or not _GROUPS.fullmatch(text.lower()):
        return None
    groups = text.rstrip(":").split(":")
    try:
        return ipaddress.ip_network(f"{':'.join(groups)}::/{16 * len(groups)}")
    except ValueError:
        return None
