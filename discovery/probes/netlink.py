"""What the kernel knows of the networks at this host: its own addresses, and its neighbours (ARP
and ND), read by rtnetlink(7). Needs no right."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

from ipam.addresses import Address

_GET_ADDRESSES, _NEW_ADDRESS = 22, 20
_GET_NEIGHBOURS, _NEW_NEIGHBOUR = 30, 28
_REQUEST_DUMP = 0x0001 | 0x0300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, interface
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, interface, state, flags, type
_ATTRIBUTE = struct.Struct("=HH")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST, _NDA_LLADDR, _NDA_CACHEINFO = 1, 2, 3
# REACHABLE, STALE, DELAY, PROBE: learned from the network, not set by hand.
_LEARNED = 0x02 | 0x04 | 0x08 | 0x10
_TICKS = os.sysconf("SC_CLK_TCK")
Attributes = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who had this address `age` seconds ago, as the neighbour has confirmed."""

    ip: Address
    mac: str
    age: float


def neighbours() -> Iterator[Neighbour]:
    for fixed, attributes in _dump(_GET_NEIGHBOURS, _NEW_NEIGHBOUR, _NEIGHBOUR):
        _family, _interface, state, _flags, _kind = fixed
        mac, ip = attributes.get(_NDA_LLADDR, b""), attributes.get(_NDA_DST)
        if ip is None or len(mac) != 6 or not state & _LEARNED or not _is_unicast(mac):
            continue
        confirmed = struct.unpack_from("=I", attributes.get(_NDA_CACHEINFO, bytes(4)))[0]
        yield Neighbour(ip_address(ip), mac.hex(":"), confirmed / _TICKS)


def own_interfaces() -> Iterator[tuple[str, IPv4Interface | IPv6Interface]]:
    """The addresses of this host with their networks, and the interface of each."""
    for fixed, attributes in _dump(_GET_ADDRESSES, _NEW_ADDRESS, _ADDRESS):
        _family, length, _flags, _scope, index = fixed
        packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
        if packed and (name := _name(index)):
            yield name, ip_interface((packed, length))


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""  # it went away meanwhile


def _is_unicast(mac: bytes) -> bool:
    return not mac[0] & 1 and any(mac)


def _dump(
    ask: int, kind: int, fixed: struct.Struct
) -> Iterator[tuple[tuple[int, ...], Attributes]]:
    """The fixed part and the attributes of each message of a dump. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.settimeout(5)
        body = bytes(16)  # of any family
        netlink.sendto(_HEADER.pack(16 + len(body), ask, _REQUEST_DUMP, 1, 0) + body, (0, 0))
        while True:
            for type_, message in _messages(netlink.recv(1 << 16)):
                if type_ == _ERROR:
                    raise OSError(-struct.unpack_from("=i", message)[0], "netlink")
                if type_ == _DONE:
                    return
                if type_ == kind:
                    yield fixed.unpack_from(message), _attributes(message[_align(fixed.size) :])


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, type_, *_rest = _HEADER.unpack_from(data, offset)
        yield type_, data[offset + _HEADER.size : offset + length]
        offset += _align(length)


def _attributes(data: bytes) -> Attributes:
    found, offset = {}, 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, type_ = _ATTRIBUTE.unpack_from(data, offset)
        found[type_] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += _align(max(length, _ATTRIBUTE.size))
    return found


def _align(length: int) -> int:
    return (length + 3) & ~3
