"""A load generator: one process, one selector, as many connections as wanted, each with one request
on its way.

    echo '{"port": 8000, "clients": 16, "seconds": 1, "method": "GET", "paths": ["/"]}' |
        python -m tests.bench.load

Each path is asked for in turn; `{n}` in a path or in the body becomes a number that no other
request has. Python's own HTTP clients cost more than the servers that are measured here; this one
reads a length and compares a status."""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count


class Connection:
    """A socket with one request on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.received, self.wanted, self.sent = port, b"", 0, 0.0

    def send(self, request: bytes) -> None:
        self.received, self.wanted, self.sent = b"", 0, time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> int:
        """The status of the answer once it is here, else 0."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server has closed the connection")
        self.received += piece
        if not self.wanted:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return 0
            self.wanted = end + 4 + length(self.received[:end])
        return int(self.received[9:12]) if len(self.received) >= self.wanted else 0


def length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.index(b"content-length:") + 15
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end > 0 else None])


def requests(asked: dict) -> Iterator[bytes]:
    """The bytes of one request after the other."""
    body, start = asked.get("body", ""), asked.get("start", 0)
    head = f"Host: localhost\r\n{asked.get('headers', '')}"
    for number in count(start):
        path = asked["paths"][number % len(asked["paths"])].replace("{n}", str(number))
        text = body.replace("{n}", str(number))
        more = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n" if body else ""
        yield f"{asked['method']} {path} HTTP/1.1\r\n{head}{more}\r\n{text}".encode()


def load(asked: dict) -> dict:
    """Ask for some seconds; how many answers of which status came, and how long each took."""
    statuses: Counter[int] = Counter()
    stream, times = requests(asked), []
    with selectors.DefaultSelector() as selector:
        for _ in range(asked["clients"]):
            connection = Connection(asked["port"])
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(stream))
        started, end = time.perf_counter(), time.perf_counter() + asked["seconds"]
        while (now := time.perf_counter()) < end:
            for key, _events in selector.select(end - now):
                connection = key.data
                if status := connection.read():
                    statuses[status] += 1
                    times.append(time.perf_counter() - connection.sent)
                    connection.send(next(stream))
        taken = time.perf_counter() - started
    return {
        "rate": len(times) / taken,
        "statuses": statuses,
        "times": times,
        "next": int(asked.get("start", 0)) + len(times) + 64,
    }


if __name__ == "__main__":
    json.dump(load(json.load(sys.stdin)), sys.stdout)
