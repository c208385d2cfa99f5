"""The addresses that dnsmasq itself has, as far as they can be seen from here. It hands none of
them out, whatever its files say."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import filterfalse
from operator import attrgetter

from dhcp.files.targets import Target
from ipam.addresses import Address, parse_address

_SIOCGIFCONF = 0x8912  # netdevice(7)
_ENTRY, _FAMILY_AT = 40, 16  # struct ifreq: the name, then struct sockaddr_in
_MOST = 1024  # addresses


def own_addresses(target: Target) -> frozenset[Address]:
    """Of the host that it is asked at by DNS; and of this host, where it is signalled here. Raises
    nothing: what is not known is missing."""
    found: set[Address] = set()
    if target.dns:
        found.update(_literal(target.dns[0]))
    if target.reload != "none" and target.hosts.exists():
        found.update(_local())
    return frozenset(filterfalse(attrgetter("is_loopback"), found))


def _literal(host: str) -> Iterator[Address]:
    try:
        yield parse_address(host)
    except ValueError:
        return  # a name


def _local() -> Iterator[IPv4Address]:
    """The IPv4 addresses of every interface of this thread's network."""
    room = array.array("B", bytes(_ENTRY * _MOST))
    asked = struct.pack("iL", len(room), room.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFCONF, asked)
        except OSError:
            return
    used = struct.unpack("iL", answer)[0]
    for start in range(0, used, _ENTRY):
        place = start + _FAMILY_AT + 4
        yield IPv4Address(bytes(room[place : place + 4]))
