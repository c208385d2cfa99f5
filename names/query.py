"""Ask a name server: a few questions at once, by UDP. Standard library only."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

TYPES = {"A": 1, "PTR": 12, "AAAA": 28}
_CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
_IN, _RECURSION_DESIRED = 1, 0x0100
_MOST_LABELS = 128
_LARGEST = 4096
_SHORTEST_WAIT = 0.001  # 0 would not wait at all, which is another error


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a name and a type of record."""

    name: str
    kind: str

    def packet(self, number: int) -> bytes:
        head = struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0)
        labels = [bytes([len(label)]) + label.encode() for label in self.name.split(".")]
        return head + b"".join(labels) + b"\0" + struct.pack("!HH", TYPES[self.kind], _IN)


_NO_QUESTION = Question("", "A")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: NOERROR or what is wrong, and the values, sorted."""

    code: str
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(self.values) or self.code


def ask(
    server: tuple[str, int], questions: Sequence[Question], within: float
) -> dict[Question, Answer]:
    """The answers that have come after so many seconds. Raises OSError where nobody listens."""
    start, deadline = secrets.randbits(15), time.monotonic() + within
    asked = dict(enumerate(questions, start))
    found: dict[Question, Answer] = {}
    family, kind, protocol, _name, address = socket.getaddrinfo(*server, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.connect(address)  # so that a closed port is an error at once
        for number, question in asked.items():
            connection.send(question.packet(number))
        while len(found) < len(asked):
            connection.settimeout(max(deadline - time.monotonic(), _SHORTEST_WAIT))
            try:
                found.update(_received(connection.recv(_LARGEST), asked))
            except TimeoutError:
                break
    return found


def _received(data: bytes, asked: dict[int, Question]) -> Iterator[tuple[Question, Answer]]:
    """The answer in a packet, with its question; nothing where it answers none."""
    number = int.from_bytes(data[:2], "big")
    question = asked.get(number, _NO_QUESTION)
    answer = parse(data, number, question)
    if answer:
        yield question, answer


def parse(data: bytes, number: int, question: Question) -> Answer | None:
    """An answer to this question; None for anything else. The question comes back unchanged."""
    start = len(question.packet(number))
    if data[:2] != number.to_bytes(2, "big") or len(data) < start:
        return None
    flags, count = struct.unpack_from("!HxxH", data, 2)
    code = flags & 0xF
    try:
        values = tuple(sorted(_values(data, start, count, question.kind)))
    except (struct.error, IndexError, ValueError):
        return None
    return Answer(_CODES.get(code, f"code {code}"), values)


def _values(data: bytes, place: int, count: int, kind: str) -> Iterator[str]:
    for _ in range(count):
        place = _read_name(data, place)[1]
        of, _class, _ttl, length = struct.unpack_from("!HHIH", data, place)
        place += 10 + length
        if of == TYPES[kind] and place <= len(data):
            yield _VALUES[kind](data, place - length, length)


def _address(make: type[IPv4Address] | type[IPv6Address], data: bytes, at: int, size: int) -> str:
    return str(make(data[at : at + size]))


_VALUES: dict[str, Callable[[bytes, int, int], str]] = {
    "A": partial(_address, IPv4Address),
    "AAAA": partial(_address, IPv6Address),
    "PTR": lambda data, at, size: _read_name(data, at)[0],
}


def _read_name(data: bytes, place: int) -> tuple[str, int]:
    """A name, and where it ends: at its empty label, or after the first pointer."""
    labels: list[str] = []
    end = 0
    for _ in range(_MOST_LABELS):
        size = data[place]
        if size >= 0xC0:
            end = end or place + 2
            place = struct.unpack_from("!H", data, place)[0] & 0x3FFF
        elif size:
            labels.append(data[place + 1 : place + 1 + size].decode("latin-1"))
            place += size + 1
        else:
            return ".".join(labels).lower(), end or place + 1
    raise ValueError("a name without an end")
