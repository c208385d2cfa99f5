"""A gunicorn worker that gives a request to a thread only when all of it has arrived.

gunicorn's own gives it a thread at once, so as many unfinished requests as there are threads stop
the server. Here the main loop of the process receives them, with a time limit, and lingers after
the answer (RFC 9112, 9.6). A body that is larger than LARGEST_BODY is read by a thread: the views
ask who sends it first."""

from __future__ import annotations

import re
import selectors
import socket
import struct
import time
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

LARGEST_HEAD = 64 * 1024  # bytes
LARGEST_BODY = 1024 * 1024
LARGEST_TOTAL = 64 * 1024 * 1024  # of all unfinished requests of this process
RECEIVE_TIMEOUT = 10.0  # seconds for a request to arrive; a keep-alive connection waits before it
STALL_TIMEOUT = 10  # seconds that a thread waits for a client to send or read more
LINGER = 2.0  # seconds after the answer
LARGEST_LINGER = 64 * 1024  # bytes that are read and discarded meanwhile
_BLOCK = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_FRAMING = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REFUSAL = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_LATE, TOO_LARGE = b"408 Request Timeout", b"431 Request Header Fields Too Large"


class Connection(TConn):
    """A connection, and what has arrived of its next request."""

    def __init__(self, worker: BufferingWorker, sock: socket.socket, *facts: Any) -> None:
        super().__init__(worker.cfg, sock, *facts)
        self.worker = worker
        self.received = bytearray()
        self.deadline = 0.0  # time.monotonic()
        self.head = 0  # bytes, with the empty line; 0: not complete
        self.wanted = 0  # bytes of head and body
        self.is_whole = False  # the body of the request that a thread has got had arrived
        self.is_polled = False

    def init(self) -> None:
        """In a thread: make the parser of a new connection, and give it what has arrived."""
        super().init()
        self.hand_over()

    def hand_over(self) -> None:
        if self.received:
            self.parser.unreader.unread(bytes(self.received))
            self.received = bytearray()

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.worker.linger(self.sock)
        else:
            super().close()

    def has_arrived(self) -> bool:
        """Whether a thread can go on with what is there."""
        if not self.head and not self._find_head():
            return False
        return len(self.received) >= self.wanted

    def _find_head(self) -> bool:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.head = end + 4
        size = self._body_size(bytes(self.received[: self.head - 2]))
        self.is_whole = size is not None
        self.wanted = self.head + (size or 0)
        if len(self.received) < self.wanted:
            self._answer_expectation()
        return True

    def _body_size(self, head: bytes) -> int | None:
        """None if the body is not awaited here: it is too large, in chunks, or of two lengths."""
        framing = _FRAMING.findall(head)
        if not framing:
            return 0
        lengths = _LENGTH.findall(head)
        if len(framing) != 1 or len(lengths) != 1 or int(lengths[0]) > LARGEST_BODY:
            return None
        return int(lengths[0])

    def _answer_expectation(self) -> None:
        """Ask for the body, in gunicorn's place."""
        head = bytes(self.received[: self.head])
        plain = _EXPECT.sub(b"", head)
        if plain == head:
            return
        self.received[: self.head] = plain
        self.wanted -= len(head) - len(plain)
        self.head = len(plain)
        self.send(_CONTINUE)

    def send(self, answer: bytes) -> None:
        """Send some bytes if there is room for them: the buffer of a new answer is empty."""
        try:
            self.sock.send(answer)
        except OSError:
            return


class BufferingWorker(ThreadWorker):
    """See the module. With TLS by gunicorn itself, it is gunicorn's own worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.receiving: dict[Connection, None] = {}  # by their deadlines
        self.buffered = 0  # bytes
        self.lingering: dict[socket.socket, tuple[float, int]] = {}  # deadline, bytes read

    def accept(self, listener: socket.socket) -> None:
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        limit_stalls(client)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections - 1:
            self._drop_oldest()
        self._receive(Connection(self, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """The next request of a keep-alive connection."""
        if self.cfg.is_ssl:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._receive(conn)

    def finish_request(self, conn: TConn, future: Any) -> None:
        """A request that arrived together with the former one must be whole, too."""
        if isinstance(conn, Connection) and _is_kept(future):
            rest = conn.parser.unreader.take_buffered()
            if rest:
                conn.sock.setblocking(False)
                self._receive(conn, rest)
                return
        super().finish_request(conn, future)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """A body that has not arrived is not waited for."""
        if isinstance(conn, Connection) and not conn.is_whole:
            return False
        return super()._keepalive_after(conn, keepalive)

    # --- receive ----------------------------------------------------------------------------------

    def _receive(self, conn: Connection, data: bytes = b"") -> None:
        """Await a request of which `data` is there."""
        conn.received, conn.head, conn.is_whole = bytearray(data), 0, False
        conn.deadline = time.monotonic() + RECEIVE_TIMEOUT
        self.buffered += len(data)
        self.receiving[conn] = None
        if data and conn.has_arrived():
            self._dispatch(conn)
        else:
            self._on_readable(conn)
        if conn in self.receiving:  # mostly all has come at once, and nothing was registered
            conn.is_polled = True
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Connection, _sock: Any = None) -> None:
        try:
            data = conn.sock.recv(_BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
            return
        conn.received += data
        self.buffered += len(data)
        if conn.has_arrived():
            self._dispatch(conn)
        elif not conn.head and len(conn.received) > LARGEST_HEAD:
            self._drop(conn, TOO_LARGE)
        elif self.buffered > LARGEST_TOTAL:
            self._drop_oldest()

    def _dispatch(self, conn: Connection) -> None:
        self._forget(conn)
        conn.data_ready = True
        if conn.initialized:
            conn.hand_over()
        self.enqueue_req(conn)

    def _forget(self, conn: Connection) -> None:
        if conn.is_polled:
            self.poller.unregister(conn.sock)
            conn.is_polled = False
        del self.receiving[conn]
        self.buffered -= len(conn.received)

    def _drop(self, conn: Connection, refusal: bytes = b"") -> None:
        self._forget(conn)
        if refusal and conn.received:
            conn.send(_REFUSAL % refusal)
        self.nr_conns -= 1
        conn.close(graceful=bool(refusal))

    def _drop_oldest(self) -> None:
        oldest = next(iter(self.receiving), None)
        if oldest is not None:
            self._drop(oldest, TOO_LATE)

    # --- time limits ------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """Called by the main loop once a second."""
        super().murder_pending()
        now = time.monotonic()
        while self.receiving and next(iter(self.receiving)).deadline < now:
            self._drop_oldest()
        while self.lingering:
            sock, (deadline, _read) = next(iter(self.lingering.items()))
            if deadline > now:
                break
            self._end_lingering(sock)

    def _cap_keepalive(self, deadline: float) -> None:
        """At the end of the process, unfinished requests have as long as idle connections."""
        super()._cap_keepalive(deadline)
        for conn in self.receiving:
            conn.deadline = min(conn.deadline, deadline)

    # --- linger -----------------------------------------------------------------------------------

    def linger(self, sock: socket.socket) -> None:
        """Close the connection when the client has closed it, or soon: a client that still sends
        would lose the end of the answer."""
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            util.close(sock)
            return
        self.lingering[sock] = (time.monotonic() + LINGER, 0)
        self.poller.register(sock, selectors.EVENT_READ, self._on_lingering)
        if len(self.lingering) > self.worker_connections:
            self._end_lingering(next(iter(self.lingering)))

    def _on_lingering(self, sock: socket.socket) -> None:
        deadline, read = self.lingering[sock]
        try:
            data = sock.recv(_BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        read += len(data)
        if data and read < LARGEST_LINGER:
            self.lingering[sock] = (deadline, read)
        else:
            self._end_lingering(sock)

    def _end_lingering(self, sock: socket.socket) -> None:
        del self.lingering[sock]
        self.poller.unregister(sock)
        util.close(sock)


def limit_stalls(client: socket.socket) -> None:
    """Let no thread wait for ever for a client that does not send, or does not read (socket(7))."""
    client.setblocking(False)
    limit = struct.pack("@ll", STALL_TIMEOUT, 0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _is_kept(future: Any) -> bool:
    """Whether the thread has left the connection open for another request."""
    return not future.cancelled() and future.exception() is None and future.result() is True
