"""Addresses as values: parse what people type, print what machines read, do the arithmetic in
between.

Everything here is pure. Python values are `ipaddress` objects; a MAC is a lower-case colon string.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

T = TypeVar("T")

_NOT_FOR_MACHINES = {
    4: list(map(ipaddress.ip_network, ("0.0.0.0/8", "127.0.0.0/8", "255.255.255.255/32"))),
    6: list(map(ipaddress.ip_network, ("::/128", "::1/128"))),
}
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_MAC_SPELLINGS = (
    r"[0-9a-f]{12}",  # 04b175ef2da2
    r"[0-9a-f]{2}(:[0-9a-f]{2}){5}",  # 04:b1:75:ef:2d:a2
    r"[0-9a-f]{2}(-[0-9a-f]{2}){5}",  # 04-B1-75-EF-2D-A2 (Windows, IEEE 802)
    r"[0-9a-f]{4}(\.[0-9a-f]{4}){2}",  # 04b1.75ef.2da2 (Cisco)
)
_MAC = re.compile("|".join(_MAC_SPELLINGS), re.ASCII)
_OURS = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.ASCII)


def parse_address(value: object) -> Address:
    """An IPv4 or IPv6 host address.

    An IPv4-mapped IPv6 address is the IPv4 address; zones, masks and leading zeros (CVE-2021-33571)
    are refused. Raises ValueError with a sentence for people."""
    address = value
    if not isinstance(address, Address):
        try:
            address = ipaddress.ip_address(str(value).strip())
        except ValueError as error:
            raise ValueError(_("“%s” is not an IP address") % shorten(value)) from error
    if address.version == 4:
        return address
    if address.scope_id:
        raise ValueError(_("“%s” has a zone; leave out everything from the %% on") % address)
    return address.ipv4_mapped or address


def parse_network(value: object) -> Network:
    """A network in CIDR form. Host bits and IPv4-mapped networks are refused. Raises ValueError."""
    network = value if isinstance(value, Network) else _network_of_text(str(value).strip())
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        raise ValueError(_("%s is an IPv4-mapped network; write the IPv4 network") % network)
    return network


def _network_of_text(text: str) -> Network:
    if "/" not in text:
        message = _("“%s” is not a network: write it with its length, as in 10.0.0.0/24")
        raise ValueError(message % shorten(text))
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(_("“%s” is not a network") % shorten(text)) from error
    if network.network_address != ipaddress.ip_interface(text).ip:
        raise ValueError(
            _("%(given)s has host bits set; the network is %(meant)s")
            % {"given": text, "meant": network}
        )
    return network


def parse_mac(value: object) -> str:
    """A unicast Ethernet address in any usual spelling, as `04:b1:75:ef:2d:a2`. Raises
    ValueError."""
    if isinstance(value, str) and _OURS.fullmatch(value) and value != "00:00:00:00:00:00":
        return value
    text = str(value).strip().lower()
    if not _MAC.fullmatch(text):
        raise ValueError(
            _(
                "“%s” is not a MAC address: it needs six pairs of hexadecimal digits, "
                "as in 04:b1:75:ef:2d:a2"
            )
            % shorten(value)
        )
    digits = re.sub(r"[:.-]", "", text)
    mac = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    if digits == "000000000000" or int(digits[1], 16) & 1:
        raise ValueError(
            _("%s is a zero, group or broadcast MAC address; no network card has it") % mac
        )
    return mac


def parse_range(value: str) -> tuple[Address, Address]:
    """The seeds' pool string `192.168.1.1-192.168.1.50` (or one address). Raises ValueError."""
    first, dash, last = value.partition("-")
    low = high = parse_address(first)
    if dash:
        high = parse_address(last)
    if low.version != high.version or int(low) > int(high):
        message = _("“%s” does not run from a lower to a higher address")
        raise ValueError(message % shorten(value))
    return low, high


def first_host(network: Network) -> Address:
    """The lowest address a host may have: RFC 3021 (/31), RFC 6164 (/127); IPv6's ::0 is the router
    anycast."""
    return network.network_address + int(has_ends(network))


def last_host(network: Network) -> Address:
    """The highest address a host may have; IPv6 has no broadcast address."""
    return network.broadcast_address - int(network.version == 4 and has_ends(network))


def has_ends(network: Network) -> bool:
    """Whether the lowest address is not for hosts: true for everything longer than two
    addresses."""
    return network.prefixlen < network.max_prefixlen - 1


def can_be_a_machines(address: Address) -> bool:
    """Whether a machine on a network can have the address: it is not unspecified, loopback,
    multicast, in "this network" (0.0.0.0/8) or the limited broadcast address (RFC 6890)."""
    if any(address in network for network in _NOT_FOR_MACHINES[address.version]):
        return False
    return not address.is_multicast


def is_host(network: Network, address: Address) -> bool:
    """Whether a machine in the network may have the address (not network or broadcast)."""
    if address not in network:
        return False
    return int(first_host(network)) <= int(address) <= int(last_host(network))


def size(first: Address, last: Address) -> int:
    """How many addresses lie from first to last, both counted; 0 when there are none."""
    return max(0, int(last) - int(first) + 1)


def overlap(first: Address, last: Address, low: Address, high: Address) -> int:
    """How many addresses two ranges of one family share."""
    if first.version != low.version:
        return 0
    return size(max(first, low), min(last, high))


def supernets(network: Network) -> Iterator[Network]:
    """The network itself and everything that contains it, most specific first."""
    address = int(network.network_address)
    kind = type(network)
    for length in range(network.prefixlen, -1, -1):
        shift = network.max_prefixlen - length
        yield kind((address >> shift << shift, length))


def supernets_of(addresses: Iterable[Address]) -> set[Network]:
    """Every network that contains one of the addresses: what to probe for to find their subnets."""
    return {network for address in addresses for network in supernets(host_network(address))}


def outermost(items: Iterable[T], key: Callable[[T], Network]) -> list[T]:
    """Of items sorted in tree order (a parent before its children), those that lie in no other
    one."""
    found: list[T] = []
    for item in items:
        if not found or not inside(key(item), key(found[-1])):
            found.append(item)
    return found


def last_inside(network: Network) -> Network:
    """The last network inside, in tree order: the /32 or /128 of its highest address."""
    return type(network)((network.broadcast_address, network.max_prefixlen))


def inside(network: Network, other: Network) -> bool:
    """Whether the network lies in the other one or is it."""
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def host_network(address: Address) -> Network:
    """The /32 or /128 of one address."""
    return ipaddress.ip_network(address)


def shorten(value: object, length: int = 60) -> str:
    """What was typed, cut to a length that fits into a message."""
    text = str(value)
    if len(text) > length:
        return text[: length - 1] + "…"
    return text
