"""Turn the text of a search box into a condition: an address, a network, a MAC address, the start
or a part of one, or a name.

Addresses become ranges and whole MAC addresses equalities, so that an index answers; only names and
parts of MAC addresses are searched by part."""

import ipaddress
import re
from collections.abc import Sequence

from django.db.models import F, Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Contains

from ipam import addresses
from ipam.addresses import Network

_OCTETS = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\.?", re.ASCII)
_GROUPS = re.compile(r"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6}:{0,2}", re.ASCII)
_VLAN = re.compile(r"\d{1,4}", re.ASCII)
_MAC_PART = re.compile(
    r"[0-9a-f]{2}([:-][0-9a-f]{2}){1,5}[:-]?"  # 04:b1 or 04-b1-75-
    r"|[0-9a-f]{4}(\.[0-9a-f]{4}){1,2}\.?"  # 04b1.75ef (Cisco)
    r"|([0-9a-f]{2}){3,6}",  # 04b175
    re.ASCII,
)


def condition(text: str, names: Sequence[str] = ("hostname", "vm_id")) -> Q:
    """The rows with an address and a MAC that the text asks for; `names` are searched by part.

    Empty text asks for all of them.
    """
    text = text.strip()
    if not text:
        return Q()
    if "\0" in text:
        return Q(pk__in=[])  # no text in PostgreSQL holds one, and asking is an error
    if network := (text.endswith("::") and start_of_ipv6(text)) or _network(text):
        return Q(ip_address__range=(network.network_address, network.broadcast_address))
    try:
        return Q(mac_address=addresses.parse_mac(text))
    except ValueError:
        return _parts(text, names)


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
    for network in _starts(text):
        found |= _inside(network)
    return found


def _around(network: Network) -> Q:
    return Q(network__in=list(addresses.supernets(network)))


def _inside(network: Network) -> Q:
    return Q(network__gte=network, network__lte=addresses.last_inside(network))


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


def _parts(text: str, names: Sequence[str]) -> Q:
    """A part of a name, and whatever else the text can be the start of."""
    found = Q(pk__in=[])
    for name in names:
        found |= Q(**{f"{name}__icontains": text})
    for network in _starts(text):
        found |= Q(ip_address__range=(network.network_address, network.broadcast_address))
    if part := part_of_mac(text):
        found |= Q(Contains(Cast(F("mac_address"), TextField()), part))
    return found


def part_of_mac(text: str) -> str:
    """At least two pairs of digits as our MACs write them; empty for any other text."""
    text = text.lower()
    if not _MAC_PART.fullmatch(text):
        return ""
    digits = re.sub(r"[:.-]", "", text)
    return ":".join(re.findall("..", digits))


def _starts(text: str) -> list[Network]:
    """The networks that the text may be the start of."""
    return list(filter(None, (start_of_ipv4(text), start_of_ipv6(text))))


def start_of_ipv4(text: str) -> Network | None:
    """`10.112.` or `10.112.3` as the network of all addresses that begin so."""
    if not _OCTETS.fullmatch(text):
        return None
    octets = text.rstrip(".").split(".")
    missing = ["0"] * (4 - len(octets))
    try:
        return ipaddress.ip_network(f"{'.'.join([*octets, *missing])}/{8 * len(octets)}")
    except ValueError:  # above 255, or with a leading zero
        return None


def start_of_ipv6(text: str) -> Network | None:
    """`2001:db8:` as the network of all addresses that begin so."""
    if ":" not in text or not _GROUPS.fullmatch(text.lower()):
        return None
    groups = text.rstrip(":").split(":")
    try:
        return ipaddress.ip_network(f"{':'.join(groups)}::/{16 * len(groups)}")
    except ValueError:
        return None
