"""The connection to a syslog server: UDP, TCP or TLS.

TCP says that bytes have reached the other host, not that its server has read them. So the newest
messages are kept and sent again after the connection has ended; a message that arrives twice has
the same key. UDP says nothing: what is lost is lost."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import termios
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 5.0  # seconds for each step
PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
MOST_KEPT = 4 * 1024 * 1024  # bytes of messages that may have to be sent again


@dataclass(frozen=True)
class Place:
    """Where the server is, as in tls://log.example.org:6514."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Place:
        """Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
            raise ValueError("not udp://HOST, tcp://HOST or tls://HOST, each with :PORT or without")
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])


class Server:
    """Sends messages in their order, and again when it is not sure of them."""

    def __init__(self, place: Place, ca: str = "") -> None:
        self.place, self.ca = place, ca
        self._socket: socket.socket | None = None
        self._kept: deque[bytes] = deque()
        self._kept_size = 0

    def send(self, messages: Sequence[bytes]) -> None:
        """Send them; when this returns, they have reached the other host (but for UDP). Raises
        OSError."""
        try:
            self.refresh()
            self._write(messages)
            self._wait_until_taken()
        except OSError:
            self.close()
            raise
        self._keep(messages)

    def refresh(self) -> None:
        """Connect if there is no connection or the server has ended it, and send again what may
        have been lost with the last one. Raises OSError."""
        if self._socket is not None and self._has_ended(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connect()
            self._write(self._kept)
            self._wait_until_taken()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def is_lossy(self) -> bool:
        return self.place.scheme == "udp"

    def _connect(self) -> socket.socket:
        if self.is_lossy:
            return self._datagrams()
        plain = socket.create_connection((self.place.host, self.place.port), TIMEOUT)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.place.scheme == "tcp":
            return plain
        import ssl

        context = ssl.create_default_context(cafile=self.ca or None)
        try:
            return context.wrap_socket(plain, server_hostname=self.place.host)
        except BaseException:
            plain.close()
            raise

    def _datagrams(self) -> socket.socket:
        kind = socket.SOCK_DGRAM
        family, _type, _proto, _name, address = socket.getaddrinfo(
            self.place.host, self.place.port, type=kind
        )[0]
        made = socket.socket(family, kind)
        made.settimeout(TIMEOUT)
        made.connect(address)
        return made

    def _write(self, messages: Sequence[bytes] | deque[bytes]) -> None:
        assert self._socket is not None
        if self.is_lossy:
            for message in messages:
                self._socket.send(message)
            return
        # Each with its length before it (RFC 5425, RFC 6587): a message may contain anything.
        self._socket.sendall(b"".join(b"%d %b" % (len(text), text) for text in messages))

    def _wait_until_taken(self) -> None:
        """Until the other host has acknowledged every byte. Raises TimeoutError."""
        if self.is_lossy or self._socket is None:
            return
        end, pause = time.monotonic() + TIMEOUT, 0.001
        while _unacknowledged(self._socket):
            if time.monotonic() > end:
                raise TimeoutError("the server takes nothing")
            time.sleep(pause)
            pause = min(pause * 2, 0.1)

    def _has_ended(self, connection: socket.socket) -> bool:
        """Whether the server has closed it. It never says anything else."""
        if self.is_lossy:
            return False
        readable, _writable, _failed = select.select([connection], [], [], 0)
        if not readable:
            return False
        try:
            return connection.recv(4096) == b""
        except TimeoutError:  # a part of TLS's own talk
            return False
        except OSError:
            return True

    def _keep(self, messages: Sequence[bytes]) -> None:
        if self.is_lossy:
            return
        self._kept.extend(messages)
        self._kept_size += sum(map(len, messages))
        while self._kept_size > MOST_KEPT:
            self._kept_size -= len(self._kept.popleft())


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the kernel has sent or will send, and that the other side has not confirmed."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int(struct.unpack("i", answer)[0])
