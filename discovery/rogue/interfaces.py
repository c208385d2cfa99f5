"""Which interfaces of this host are asked: those in networks whose machines DHCP serves."""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import IPv4Address

from django.conf import settings

from ipam.models import Pool, Subnet
from ipam.querysets import SubnetIndex

_SIOCGIFADDR = 0x8915


def served() -> list[str]:
    """As IPMANAGER_DHCP_WATCH says; `auto` are those with an IPv4 address in a subnet that has a
    DHCP pool. Two queries."""
    if settings.DHCP_WATCH == "none":
        return []
    if settings.DHCP_WATCH != "auto":
        return settings.DHCP_WATCH.split(",")
    own = own_addresses()
    index = SubnetIndex.of(list(own.values()), Subnet.objects.filter(vrf=None))
    found = {}
    for name, address in own.items():
        if subnet := index.containing(None, address):
            found[name] = subnet.pk
    pools = Pool.objects.filter(subnet__in=found.values(), kind=Pool.Kind.DHCP)
    with_pool = set(pools.values_list("subnet_id", flat=True))
    return [name for name, subnet_id in found.items() if subnet_id in with_pool]


def own_addresses() -> dict[str, IPv4Address]:
    """The first IPv4 address of each interface of this host, but for the loopback."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _number, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                address = IPv4Address(fcntl.ioctl(any_socket, _SIOCGIFADDR, request)[20:24])
            except OSError:
                continue  # it has none
            if not address.is_loopback:
                found[name] = address
    return found
