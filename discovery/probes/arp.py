"""ARP, asked through `deploy/ipmanager-arp`, a small program that alone has CAP_NET_RAW."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from ipam.addresses import Address, parse_mac

TIMEOUT = 2.0  # seconds; the program never takes so long


class ArpHelper:
    """A connection to the program. What breaks it is kept in `error`; then nothing is sent. Nor is
    it without a path."""

    def __init__(self, path: Path | None) -> None:
        self.error = ""
        self._unread = b""
        self._socket: socket.socket | None = None
        if path is None:
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._fail(f"{path}: {error.strerror or error}")

    @property
    def works(self) -> bool:
        return self._socket is not None

    def send(self, interface: str, address: Address) -> bool:
        """Whether a question has left."""
        if self._socket is None:
            return False
        try:
            self._socket.sendall(f"{interface} {address}\n".encode())
        except OSError as error:
            self._fail(str(error))
            return False
        return True

    def files(self) -> list[int]:
        return [self._socket.fileno()] if self._socket else []

    def receive(self) -> Iterator[tuple[Address, str]]:
        """Who has answered, and with which MAC address. Called when it is readable."""
        if self._socket is None:
            return
        try:
            data = self._socket.recv(1 << 16)
        except OSError as error:
            self._fail(str(error))
            return
        if not data:
            self._fail("ipmanager-arp has closed the connection; does it know this interface?")
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            if answer := _parse(line):
                yield answer

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _fail(self, error: str) -> None:
        self.error = error
        self.close()


def _parse(line: bytes) -> tuple[Address, str] | None:
    ip, _, mac = line.decode("ascii", "replace").partition(" ")
    try:
        return IPv4Address(ip), parse_mac(mac)
    except (AddressValueError, ValueError):
        return None
