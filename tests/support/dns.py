"""A real dnsmasq as a name server on a loopback port, and a resolver that asks it and nobody else.

with name_server(tmp_path, hosts=b"10.0.0.5 a.test\\n") as ask:
    assert ask("a.test") == ["10.0.0.5"]
"""

import getpass
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from tests.support import require
from tests.support.lab import stop
from tests.support.postgres import free_port

TYPES = {"A": 1, "PTR": 12, "AAAA": 28, "SRV": 33}
NXDOMAIN = "NXDOMAIN"
Ask = Callable[..., list[str]]


@contextmanager
def name_server(home: Path, hosts: bytes = b"", conf: bytes = b"") -> Iterator[Ask]:
    """dnsmasq with these files; its complaints about them fail the test. Answers are sorted
    text."""
    require.part("dnsmasq")
    (home / "hosts").write_bytes(hosts)
    (home / "services.conf").write_bytes(conf)
    port = free_port()
    command = [
        "dnsmasq",
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--no-daemon",
        "--pid-file",
        f"--port={port}",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        f"--user={getpass.getuser()}",
        "--log-facility=-",
        f"--addn-hosts={home / 'hosts'}",
        f"--conf-file={home / 'services.conf'}",
    ]
    with (home / "dnsmasq.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(process, port, home / "dnsmasq.log")
        yield partial(ask, port)
    finally:
        stop(process)
    complaints = [
        line
        for line in (home / "dnsmasq.log").read_text().splitlines()
        if "bad " in line or "error" in line
    ]
    assert complaints == []


def wait_for(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ask(port, "ready.test", "A", timeout=0.2)
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"dnsmasq does not answer: {log.read_text()}")


def ask(port: int, name: str, kind: str = "A", timeout: float = 5) -> list[str]:
    """What the server says of the name: addresses, `PORT TARGET` for SRV, or [NXDOMAIN]."""
    question = (
        struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0)
        + encoded(name)
        + struct.pack("!HH", TYPES[kind], 1)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        asking.connect(("127.0.0.1", port))
        asking.send(question)
        answer = asking.recv(65535)
    flags, count = struct.unpack_from("!HxxH", answer, 2)
    place = len(question)
    found = []
    for _number in range(count):
        _name, place = read_name(answer, place)
        of, length = struct.unpack_from("!H6xH", answer, place)
        if of == TYPES[kind]:
            found.append(meaning(answer, place + 10, length, kind))
        place += 10 + length
    return [NXDOMAIN] if flags & 0xF == 3 else sorted(found)


def encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def meaning(answer: bytes, place: int, length: int, kind: str) -> str:
    if kind == "SRV":
        port = struct.unpack_from("!H", answer, place + 4)[0]
        return f"{port} {read_name(answer, place + 6)[0]}"
    return (
        read_name(answer, place)[0]
        if kind == "PTR"
        else str(ip_address(answer[place : place + length]))
    )


def read_name(answer: bytes, place: int) -> tuple[str, int]:
    """A name, and where it ends in the answer."""
    labels, end = [], 0
    while size := answer[place]:
        if size >= 0xC0:
            end = end or place + 2
            place = struct.unpack_from("!H", answer, place)[0] & 0x3FFF
        else:
            labels.append(answer[place + 1 : place + 1 + size].decode())
            place += 1 + size
    return ".".join(labels), end or place + 1
