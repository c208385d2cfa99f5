"""One HTTP request to a receiver, within a time limit, to an address that was checked.

Redirects are not followed and proxies of the environment are not used. Every step (resolving,
connecting, TLS, sending, each piece of the answer) has what is left of the limit, so that a
receiver that answers a byte a second cannot stretch it."""

from __future__ import annotations

import email.utils
import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from events.webhooks import targets
from events.webhooks.targets import Address, Target

CONNECT_TIMEOUT = 5.0
MOST_READ = 64 * 1024  # bytes of an answer; the connection is closed then
MOST_KEPT = 1000  # bytes of it that are kept


class Failed(Exception):
    """The request got no answer, or a bad one."""


@dataclass(slots=True)
class Answer:
    """What the receiver has answered."""

    status: int
    text: str
    retry_after: float = 0.0


@dataclass(slots=True)
class Request:
    """What is sent where."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    ca: str = ""


def post(request: Request) -> Answer:
    """Send it and read the answer. Raises Failed, or targets.Refused."""
    deadline = time.monotonic() + request.timeout
    target = targets.parse(request.url)
    try:
        addresses = targets.resolve(target)
        with _connected(target, addresses, request.ca, deadline) as connection:
            return _exchange(connection, target, request, deadline)
    except TimeoutError as error:
        raise Failed(_reason(error) or "timed out") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(_reason(error)) from error


def _exchange(
    connection: socket.socket, target: Target, request: Request, deadline: float
) -> Answer:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = Timed(connection, deadline)
    client.auto_open = 0
    headers = {"Host": target.host_port, "Connection": "close", **request.headers}
    client.request("POST", target.path, request.body, headers)
    response = client.getresponse()
    data = response.read(MOST_READ)
    if response.length and len(data) < MOST_READ:
        raise Failed(f"closed after {len(data)} bytes of the answer; status {response.status}")
    return Answer(
        response.status,
        data[:MOST_KEPT].decode("utf-8", "replace").replace("\0", "\ufffd"),
        retry_after(response.getheader("Retry-After", ""), datetime.now(UTC)),
    )


class Timed:
    """A socket for http.client whose every operation ends at the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def sendall(self, data: Any) -> None:
        self._connection.settimeout(left(self._deadline))
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._connection, self._deadline))

    def close(self) -> None:
        """The connection is closed by the one who has opened it."""


class _Incoming(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(left(self._deadline))
        return self._connection.recv_into(buffer)


def left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def _connected(target: Target, addresses: list[Address], ca: str, deadline: float) -> socket.socket:
    """A connection to the first of the addresses that accepts one, with TLS for https."""
    connection = _open(addresses, target.port, deadline)
    if target.scheme == "http":
        return connection
    connection.settimeout(left(deadline))
    try:
        # The name, not the address: the certificate is the name's.
        return _tls(ca).wrap_socket(connection, server_hostname=target.host)
    except BaseException:
        connection.close()
        raise


def _open(addresses: list[Address], port: int, deadline: float) -> socket.socket:
    error: OSError = OSError("there is no address")
    for address in addresses:
        limit = min(CONNECT_TIMEOUT, left(deadline))
        try:
            return socket.create_connection((str(address), port), limit)
        except OSError as failure:
            error = failure
    raise error


def _tls(ca: str) -> ssl.SSLContext:
    """Certificates are always checked: against these CAs, or those of the system."""
    if ca.strip():
        return ssl.create_default_context(cadata=ca)
    return ssl.create_default_context()


def retry_after(value: str | None, now: datetime) -> float:
    """The header Retry-After in seconds: a number, or a date. 0 if there is none that makes
    sense."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _reason(error: Exception) -> str:
    """One line; what a receiver sent is part of some errors."""
    text = str(error) or type(error).__name__
    if isinstance(error, http.client.HTTPException):
        text = f"{type(error).__name__}: {text}"
    return "".join(filter(str.isprintable, text))[:300]
