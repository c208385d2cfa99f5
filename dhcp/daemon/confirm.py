"""Ask dnsmasq itself which hosts file it has read: a DNS name in the same reload tells.

A signal that was sent proves nothing; an answer with the new address proves that the files were
read again."""

import secrets
import socket
import time
from ipaddress import IPv4Address
from typing import Self

from core.errors import Unavailable
from dhcp.files.render import GENERATION_NAME
from names import query
from names.query import Question

_FIRST_WAIT = 0.005
_LONGEST_WAIT = 0.1
_ANSWER_SECONDS = 1.0
_SHORTEST_WAIT = 0.001  # 0 would not wait at all, which is another error
_GENERATION = Question(GENERATION_NAME, "A")


class Unconfirmed(Unavailable):
    """dnsmasq does not say that it has read the new files."""

    code = "unconfirmed"


def wait_until(expected: IPv4Address, server: tuple[str, int], within: float) -> None:
    """Return when dnsmasq answers with the expected generation; raise Unconfirmed after `within`
    seconds."""
    deadline, pause = time.monotonic() + within, _FIRST_WAIT
    while True:
        left = deadline - time.monotonic()
        try:
            served = serving(server, max(min(left, _ANSWER_SECONDS), _FIRST_WAIT))
            state = "does not know the generation record"
            if served:
                state = "still serves an older generation"
        except OSError as error:
            served, state = None, f"does not answer ({error.strerror or error})"
        if served == expected:
            return
        if time.monotonic() + pause >= deadline:
            raise Unconfirmed(f"dnsmasq at {server[0]}:{server[1]} {state} after {within:g} s")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_WAIT)


def serving(server: tuple[str, int], timeout: float) -> IPv4Address | None:
    """The generation that dnsmasq serves now, or None when it knows none. Raises OSError without an
    answer."""
    with Query(server) as query:
        return query.answer(timeout)


class Query:
    """A question for the generation, on its way to dnsmasq: several can be asked at once, and then
    waited for. Raises OSError."""

    def __init__(self, server: tuple[str, int]) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(*server, type=socket.SOCK_DGRAM)[0]
        self._number = secrets.randbits(16)
        self._connection = socket.socket(family, kind, protocol)
        try:
            self._connection.setblocking(False)  # nothing waits for a full buffer
            self._connection.connect(address)  # so that a closed port is an error at once
            self._connection.send(_question(self._number))
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def answer(self, timeout: float) -> IPv4Address | None:
        """The generation, or None when dnsmasq knows none. Raises OSError without an answer within
        so many seconds."""
        self._connection.settimeout(max(timeout, _SHORTEST_WAIT))
        return _first_address(self._connection.recv(512), self._number)


def _question(number: int) -> bytes:
    return _GENERATION.packet(number)


def _first_address(data: bytes, number: int) -> IPv4Address | None:
    """The first A record of an answer to our question."""
    answer = query.parse(data, number, _GENERATION)
    if answer and answer.values:
        return IPv4Address(answer.values[0])
    return None
