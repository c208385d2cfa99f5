"""ops.buffering_worker: unfinished requests stop nobody, finished ones are served as before.

A gunicorn of its own with one process of two threads, and an application that says what it got."""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.support.postgres import end_with_parent, free_port
from tests.support.site import ROOT

APPLICATION = """
from ops import buffering_worker

buffering_worker.RECEIVE_TIMEOUT = 3.0

class Worker(buffering_worker.BufferingWorker):
    pass

def application(environ, start_response):
    body = b""
    if environ["PATH_INFO"] != "/refuse":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Length", str(len(body) + 3))])
    return [b"ok:" + body]
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    home = tmp_path_factory.mktemp("server")
    (home / "served.py").write_text(APPLICATION)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
    process = subprocess.Popen(
        [*command, "--worker-class", "served.Worker", "--worker-tmp-dir", home, "served"],
        cwd=home,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{home}"},
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
    yield port
    process.terminate()
    assert process.wait(30) == 0


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(20)
    return connection


def talk(port, *parts, pause=0.0):
    """Send the parts, and return all that is answered until the end."""
    with connect(port) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return until_closed(connection)


def until_closed(connection):
    said = b""
    while data := connection.recv(65536):
        said += data
    return said


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HEAD = b"POST /refuse HTTP/1.1\r\nHost: x\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\nhalf",
    "a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhal",
    "a large body": HEAD + b"Content-Length: 99999999\r\n\r\nhalf",
    "a body that is asked for": HEAD + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "half of the next request": GET + b"GET / HT",
    "an answer that is not closed": LAST,
}


@pytest.mark.parametrize("unfinished", UNFINISHED.values(), ids=list(UNFINISHED))
def test_a_hundred_unfinished_requests_stop_nobody(port, unfinished):
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(port)).sendall(unfinished)
        for _ in range(3):
            started = time.monotonic()
            assert talk(port, LAST).endswith(b"ok:")
            assert time.monotonic() - started < 1


def test_an_unfinished_request_ends(port):
    assert talk(port, b"GET / HT").startswith(b"HTTP/1.1 408 ")
    assert talk(port, b"") == b""


def test_a_head_without_an_end_is_refused(port):
    assert talk(port, b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000).startswith(b"HTTP/1.1 431 ")


def test_a_request_in_pieces_is_one(port):
    head = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length:  6 \r\nConnection: close\r\n\r\n"
    for cut in (1, 20, len(head) - 1, len(head)):
        said = talk(port, head[:cut], head[cut:], b"abc", b"def", pause=0.02)
        assert said.endswith(b"\r\n\r\nok:abcdef")


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5 << 20])
def test_a_body_of_any_size_arrives(port, size):
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    said = talk(port, head.encode(), b"x" * size)
    assert said.endswith(b"ok:" + b"x" * size)


def test_requests_on_one_connection_get_their_answers_in_order(port):
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    said = talk(port, GET + post + b"1" + post + b"2" + LAST)
    assert [part[:4] for part in said.split(b"\r\n\r\n")[1:]] == [b"ok:H", b"ok:1", b"ok:2", b"ok:"]
    said = talk(port, GET, post, b"1", post + b"2" + LAST[:9], LAST[9:], pause=0.05)
    assert [part[:4] for part in said.split(b"\r\n\r\n")[1:]] == [b"ok:H", b"ok:1", b"ok:2", b"ok:"]


def test_a_client_that_waits_for_100_gets_it_once(port):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
    with connect(port) as connection:
        connection.sendall(head + b"Connection: close\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        said = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 200 ") and said.endswith(b"ok:abc")


@pytest.mark.parametrize(
    "lengths",
    [b"Content-Length: 3\r\nContent-Length: 4", b"Content-Length: +3", b"Content-Length: x"],
)
def test_a_length_that_says_two_things_is_gunicorns_to_refuse(port, lengths):
    said = talk(port, b"POST / HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n\r\nabcd")
    assert said.startswith(b"HTTP/1.1 400 ") and said.count(b"HTTP/1.1") == 1
