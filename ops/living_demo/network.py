"""Two network namespaces with a wire for each served subnet, and dnsmasq in one of them."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar

from core.errors import Unavailable
from ops.living_demo import plan
from ops.supervisor import end_with_parent

T = TypeVar("T")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_END_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire between both namespaces, with the same interface name at each end."""

    interface: str
    network: IPv4Network
    address: IPv4Address  # dnsmasq's


@dataclass
class LivingNetwork:
    """The namespaces and their dnsmasq. `server` and `clients` are processes that hold them."""

    directory: Path
    wires: Sequence[Wire]
    server: subprocess.Popen[bytes] = field(init=False)
    clients: subprocess.Popen[bytes] = field(init=False)
    dnsmasq: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.server, self.clients = _namespace(), _namespace()
        _run(self.server, "ip", "link", "set", "lo", "up")
        for wire in self.wires:
            self._connect(wire)

    def _connect(self, wire: Wire) -> None:
        name, other = wire.interface, str(self.clients.pid)
        peer = ["peer", "name", name, "netns", other]
        _run(self.server, "ip", "link", "add", name, "type", "veth", *peer)
        address = f"{wire.address}/{wire.network.prefixlen}"
        _run(self.server, "ip", "address", "add", address, "dev", name)
        for holder in (self.server, self.clients):
            _run(holder, "ip", "link", "set", name, "up")

    def in_clients(self, work: Callable[[], T]) -> T:
        """Do this in a thread that is in the clients' network: its sockets stay there."""
        return _in_network(self.clients, work)

    def in_server(self, work: Callable[[], T]) -> T:
        return _in_network(self.server, work)

    # --- dnsmasq ----------------------------------------------------------------------------------

    def keep_dnsmasq(self, proposal: Path) -> None:
        """Install a new proposal, and start dnsmasq where it does not run."""
        installed = plan.installed(self.directory)
        proposed = proposal.read_bytes() if proposal.exists() else b""
        is_new = proposed != installed.read_bytes()
        if is_new:
            installed.write_bytes(proposed)
        if is_new or self.dnsmasq is None or self.dnsmasq.poll() is not None:
            _end(self.dnsmasq)
            self.dnsmasq = _inside(self.server, "dnsmasq", *self._options())

    def _options(self) -> list[str]:
        """As root: its files are in a data directory that others cannot enter. It keeps the
        signal that ends it with its parent only if it does not change its user."""
        interfaces = [f"--interface={wire.interface}" for wire in self.wires]
        return [
            "--keep-in-foreground",
            f"--conf-file={plan.installed(self.directory)}",
            "--user=root",
            "--interface=lo",
            *interfaces,
            "--bind-dynamic",
            "--no-resolv",
            "--no-hosts",
            "--no-ping",
            f"--dhcp-leasefile={self.directory / 'leases'}",
            f"--pid-file={plan.pid_file(self.directory)}",
            f"--log-facility={plan.log_file(self.directory)}",
        ]

    def end(self) -> None:
        for process in (self.dnsmasq, self.server, self.clients):
            _end(process)
        plan.pid_file(self.directory).unlink(missing_ok=True)


class Relay(threading.Thread):
    """Hands DNS queries from this host on to dnsmasq, which is in another network."""

    def __init__(self, outside: socket.socket, network: LivingNetwork) -> None:
        super().__init__(name="living-demo-dns", daemon=True)
        self.outside, self.network = outside, network

    def run(self) -> None:
        while True:
            query, asker = self.outside.recvfrom(4096)
            threading.Thread(target=self._ask, args=(query, asker), daemon=True).start()

    def _ask(self, query: bytes, asker: tuple[str, int]) -> None:
        with self.network.in_server(_datagram_socket) as inside:
            inside.settimeout(2)
            try:
                inside.sendto(query, ("127.0.0.1", 53))
                self.outside.sendto(inside.recv(4096), asker)
            except OSError:
                return  # dnsmasq does not run: no answer says so


def _datagram_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _namespace() -> subprocess.Popen[bytes]:
    """A process that holds a new network, and nothing else."""
    holder = _start("unshare", "--net", "sleep", "infinity")
    own = os.readlink("/proc/self/ns/net")
    deadline = time.monotonic() + 5
    while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
        if holder.poll() is not None or time.monotonic() > deadline:
            raise Unavailable("the living demo cannot make a network namespace (unshare --net)")
        time.sleep(0.01)
    return holder


def _inside(holder: subprocess.Popen[bytes], *command: str) -> subprocess.Popen[bytes]:
    """A process in that network."""
    path = plan.program(command[0]) or command[0]
    return _start("nsenter", f"--net=/proc/{holder.pid}/ns/net", path, *command[1:])


def _start(*command: str) -> subprocess.Popen[bytes]:
    path = plan.program(command[0]) or command[0]
    return subprocess.Popen(
        [path, *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=end_with_parent(os.getpid()),
    )


def _run(holder: subprocess.Popen[bytes], *command: str) -> None:
    process = _inside(holder, *command)
    if process.wait(10):
        raise Unavailable(f"the living demo cannot run: {' '.join(command)}")


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _in_network(holder: subprocess.Popen[bytes], work: Callable[[], T]) -> T:
    """By setns(2) in a thread of its own, which ends in that network; os.setns exists from Python
    3.12 on."""
    results: list[T] = []
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            with open(f"/proc/{holder.pid}/ns/net", "rb") as there:
                library = ctypes.CDLL(None, use_errno=True)
                if library.setns(there.fileno(), _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "setns")
            results.append(work())
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
