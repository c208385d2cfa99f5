"""What a search box's text may mean: an address, a network, a MAC, the start or a part of one, or a name.

Addresses become ranges and whole MACs equalities, so that an index answers; only names are searched by part.
"""

import ipaddress
import re

from django.db.models import CharField, F, Q
from django.db.models.functions import Cast
from django.db.models.lookups import Contains

from ipam import addresses
from ipam.addresses import Network

_OCTETS = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\.?", re.ASCII)
_GROUPS = re.compile(r"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6}:{0,2}", re.ASCII)
_MAC_PART = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){1,5}[:-]?", re.ASCII)


def condition(text: str) -> Q:
    """The rows that the text asks for. Empty text asks for all of them."""
    text = text.strip()
    if not text:
        return Q()
    if network := _network(text):
        return Q(ip_address__range=(network.network_address, network.broadcast_address))
    try:
        return Q(mac_address=addresses.parse_mac(text))
    except ValueError:
        return _parts(text)


def _network(text: str) -> Network | None:
    """The network that is meant by an address or a CIDR, host bits forgiven."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(addresses.MAPPED):
        return ipaddress.ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _parts(text: str) -> Q:
    """A part of a name, and whatever else the text can be the start of."""
    found = Q(hostname__icontains=text) | Q(vm_id__icontains=text)
    for network in (start_of_ipv4(text), start_of_ipv6(text)):
        if network:
            found |= Q(ip_address__range=(network.network_address, network.broadcast_address))
    if _MAC_PART.fullmatch(text.lower()):
        part = text.lower().replace("-", ":")
        found |= Q(Contains(Cast(F("mac_address"), CharField()), part))
    return found


def start_of_ipv4(text: str) -> Network | None:
    """`10.112.` or `10.112.3` as the network of all addresses that begin so."""
    octets = text.rstrip(".").split(".")
    if not _OCTETS.fullmatch(text) or any(int(octet) > 255 for octet in octets):
        return None
    whole = ".".join([*octets, *["0"] * (4 - len(octets))])
    try:
        return ipaddress.ip_network(f"{whole}/{8 * len(octets)}")
    except ValueError:  # a leading zero
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
