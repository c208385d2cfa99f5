"""ICMP echo, by icmplib: as an ordinary user where the kernel allows it
(net.ipv4.ping_group_range), else with CAP_NET_RAW."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import count

from icmplib import ICMPLibError, ICMPRequest, ICMPv4Socket, ICMPv6Socket, SocketPermissionError
from icmplib.sockets import ICMPSocket

from ipam.addresses import Address

_SOCKETS = {4: ICMPv4Socket, 6: ICMPv6Socket}
_ECHO_REPLY = {4: 0, 6: 129}
# The kernel keeps packets to neighbours whose MAC address it does not know for up to three seconds.
_KEPT_BYTES = 1 << 20  # asked for; net.core.wmem_max may allow less
_FULL = {errno.EAGAIN, errno.ENOBUFS}


class Full(Exception):
    """The kernel takes no more packets until it knows, or has given up, earlier neighbours."""


class NotPermitted(OSError):
    """Neither of the two ways to send ICMP is open to this process."""


def open_socket(version: int) -> ICMPSocket:
    """Raises NotPermitted, or another OSError such as when there is no IPv6."""
    for privileged in (False, True):
        try:
            return _SOCKETS[version](privileged=privileged)
        except SocketPermissionError:
            continue
        except ICMPLibError as error:
            raise OSError(str(error)) from error
    raise NotPermitted("the kernel lets this user send no ICMP")


def why_not(version: int = 4) -> str:
    """Why this process cannot ping; empty if it can."""
    try:
        open_socket(version).close()
    except OSError as error:
        return str(error)
    return ""


@dataclass
class Pinger:
    """Sends echo requests without waiting, and says who has answered. Not for several threads."""

    sockets: dict[int, ICMPSocket | None] = field(default_factory=dict)
    asked: set[Address] = field(default_factory=set)
    error: str = ""
    _sequence: Iterator[int] = field(default_factory=count)

    def send(self, address: Address) -> bool:
        """Whether a packet has left. Raises Full."""
        opened = self._socket(address.version)
        if opened is None:
            return False
        number = next(self._sequence) & 0xFFFF
        request = ICMPRequest(str(address), id=os.getpid() & 0xFFFF, sequence=number)
        # The first error may be an earlier packet's, which the kernel reports with the next one.
        if self._error_of(opened, request) and (error := self._error_of(opened, request)):
            self.error = f"{address}: {error}"
            return False
        self.asked.add(address)
        return True

    def _error_of(self, opened: ICMPSocket, request: ICMPRequest) -> str:
        """Why it was not sent: no route, a broadcast address, a firewall of this host."""
        opened.sock.setblocking(False)
        try:
            opened.send(request)
        except ICMPLibError as error:
            if getattr(error.__context__, "errno", None) in _FULL:
                raise Full from error
            return str(error)
        return ""

    def files(self) -> list[int]:
        """Descriptors that become readable when somebody answers."""
        return [opened.sock.fileno() for opened in self.sockets.values() if opened]

    def receive(self, file: int) -> Address | None:
        """Who has answered, of those that were asked. Called when the descriptor is readable."""
        for version, opened in self.sockets.items():
            if opened and opened.sock.fileno() == file:
                return self._reply(version, opened)
        return None

    def close(self) -> None:
        for opened in filter(None, self.sockets.values()):
            opened.close()
        self.sockets.clear()

    def _reply(self, version: int, opened: ICMPSocket) -> Address | None:
        try:
            reply = opened.receive(timeout=1)
        except ICMPLibError:  # such as a host that is unreachable, as a router has said
            return None
        source = ip_address(reply.source.partition("%")[0])
        if reply.type != _ECHO_REPLY[version] or source not in self.asked:
            return None
        return source

    def _socket(self, version: int) -> ICMPSocket | None:
        if version not in self.sockets:
            self.sockets[version] = self._open(version)
        return self.sockets[version]

    def _open(self, version: int) -> ICMPSocket | None:
        try:
            opened = open_socket(version)
        except OSError as error:
            self.error = str(error)
            return None
        opened.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KEPT_BYTES)
        return opened
