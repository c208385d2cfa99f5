"""A receiver of webhooks that can fail in ten ways, and what it has got."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass
class Got:
    """One request that came in whole."""

    id: str
    subject: str
    signature: str
    body: bytes
    headers: dict[str, str]
    answered: bool  # whether its sender was told that it has arrived


@dataclass
class Receiver:
    """Answers every request by `choose(event id, how often it came)`: the name of a failure, or an
    empty text."""

    choose: Callable[[str, int], str] = lambda event, time_: ""
    tls: ssl.SSLContext | None = None
    got: list[Got] = field(default_factory=list)
    failures: Counter = field(default_factory=Counter)
    connections: int = 0

    def __post_init__(self):
        self._seen: Counter = Counter()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._closing = False
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/hook"

    def close(self):
        self._closing = True
        self._socket.close()

    def arrived(self) -> list[Got]:
        """What was answered with success, in the order of answers."""
        with self._lock:
            return [one for one in self.got if one.answered]

    def _serve(self):
        while not self._closing:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if not self.tls:
                return self._listen(connection)
            with self.tls.wrap_socket(connection, server_side=True) as wrapped:
                self._listen(wrapped)

    def _listen(self, connection):
        head, body = read_request(connection)
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self._answer(connection, headers, body)

    def _answer(self, connection, headers, body):
        event = headers["IPManager-Event-Id"]
        subject = json.loads(body)["subject"]
        with self._lock:
            self._seen[event] += 1
            failure = self.choose(event, self._seen[event])
            self.failures[failure] += 1
            lane = f"{subject['model']}:{subject['id']}"
            self.got.append(
                Got(event, lane, headers["IPManager-Signature"], body, headers, not failure)
            )
        with contextlib.suppress(OSError):
            FAILURES[failure](connection)


def read_request(connection) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _blank, body = data.partition(b"\r\n\r\n")
    text = head.decode()
    length = int(text.lower().split("content-length: ")[1].split("\r\n")[0])
    while len(body) < length:
        body += _more(connection)
    return text, body


def _more(connection) -> bytes:
    if data := connection.recv(65536):
        return data
    raise OSError("the sender has closed the connection")


def _say(answer: bytes) -> Callable:
    return lambda connection: connection.sendall(answer)


def _drip(connection):
    """A byte now and then: each read succeeds, and the answer never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _number in range(60):
        connection.sendall(b"x")
        time.sleep(0.2)


def _reset(connection):
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def _flood(connection):
    """An error whose answer never ends."""
    connection.sendall(b"HTTP/1.1 500 Broken\r\n\r\n")
    for _number in range(2000):
        connection.sendall(b"x" * 65536)


FAILURES: dict[str, Callable] = {
    "": _say(OK),
    "500": _say(b"HTTP/1.1 500 Broken\r\nContent-Length: 2\r\n\r\nno"),
    "time-out": lambda connection: time.sleep(12),
    "slow drip": _drip,
    "closed before the answer": _reset,
    "closed in the middle": _say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"),
    "redirect to loopback": _say(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    ),
    "huge body": _flood,
    "429": _say(b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
    "garbage": _say(b"\x00\xff\x13garbage\r\n\r\n" * 40),
}


@contextlib.contextmanager
def receiver(*args, **kwargs) -> Iterator[Receiver]:
    made = Receiver(*args, **kwargs)
    try:
        yield made
    finally:
        made.close()
