"""A network laboratory: real dnsmasq and DHCP clients in network namespaces of their own, gone
after the block.

    with laboratory(ranges=["10.77.0.0,static,255.255.255.0,1h"]) as lab:
        lab.write_hosts("02:00:00:00:00:01,10.77.0.9,web\\n")
        lab.reload()
        assert lab.client.acquire("02:00:00:00:00:01").ip == "10.77.0.9"

    server namespace                       client namespace
    dnsmasq --- eth0 10.77.0.1/24 ======== eth0 --- scripted client, udhcpc

The interfaces are born inside their namespaces, so nothing of the machine's own network is touched
and any number of laboratories live side by side. dnsmasq runs as its own user, not as root: file
modes matter as in real life."""

import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import require

CLIENT = Path(__file__).with_name("dhcp_client.py")
CLIENT6 = Path(__file__).with_name("dhcp6_client.py")
STATIC = "10.77.0.0,static,255.255.255.0,1h"
POOL = "10.77.0.100,10.77.0.109,255.255.255.0,1h"
SERVER = "10.77.0.1"
FORBIDDEN = ("bad ", "duplicate", "cannot read", "failed to load", "not using")

# Cleans up when the test run dies without a word (kill -9): the end of its input is the end of the
# run. The kernel's own "die with your parent" does not survive dnsmasq's change of user.
UNDERTAKER = """
    read -r _
    [ -s "$1" ] && kill "$(cat "$1")"
    ip netns delete "$2"
    ip netns delete "$3"
    rm -rf "$4"
"""

_CLONE_NEWNET = 0x40000000
_serial = itertools.count()


@dataclass(frozen=True)
class Answer:
    """What the DHCP server said."""

    type: str
    ip: str
    server: str | None
    next: str
    ms: float
    options: dict[str, Any] = field(default_factory=dict)


class Program:
    """A scripted client inside a namespace: commands in, answers out."""

    def __init__(self, script: Path, namespace: str, interface: str = "eth0") -> None:
        command = [
            "ip",
            "netns",
            "exec",
            namespace,
            sys.executable,
            "-I",
            "-S",
            str(script),
            interface,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        self._read()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        stop(self._process)
        self._process.stdout.close()

    def ask(self, **command: Any) -> dict[str, Any] | None:
        with self._lock:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            return self._read()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the DHCP client ended with status {self._process.wait()}")
        return json.loads(line)


class Client(Program):
    """Any number of DHCP clients behind one interface. Every verb answers an Answer, or None for
    silence."""

    def __init__(self, namespace: str, interface: str = "eth0") -> None:
        super().__init__(CLIENT, namespace, interface)

    def discover(self, mac: str, **more: Any) -> Answer | None:
        return self._say(do="discover", mac=mac, **more)

    def request(self, mac: str, ip: str, server: str = SERVER, **more: Any) -> Answer | None:
        """Take an offered address."""
        return self._say(do="request", mac=mac, wanted=ip, server=server, **more)

    def acquire(self, mac: str, **more: Any) -> Answer | None:
        """Discover, then request what was offered."""
        offer = self.discover(mac, **more)
        return self.request(mac, offer.ip, offer.server or SERVER, **more) if offer else None

    def renew(self, mac: str, ip: str, **more: Any) -> Answer | None:
        """Ask for more time for an address that the client uses."""
        return self._say(do="request", mac=mac, ciaddr=ip, **more)

    def reboot(self, mac: str, ip: str, **more: Any) -> Answer | None:
        """Ask for the address of the time before the reboot."""
        return self._say(do="request", mac=mac, wanted=ip, **more)

    def release(self, mac: str, ip: str, server: str = SERVER) -> None:
        self._say(do="release", mac=mac, ciaddr=ip, server=server)

    def _say(self, **command: Any) -> Answer | None:
        answer = self.ask(**command)
        return Answer(**answer) if answer else None


@dataclass(frozen=True)
class Answer6:
    """What the DHCPv6 server said; `status` is RFC 8415's, 0 for success."""

    type: str
    ips: list[str]
    seconds: list[int]
    server: str
    status: int
    options: dict[str, str] = field(default_factory=dict)


class Client6(Program):
    """Any number of DHCPv6 clients behind one interface."""

    def __init__(self, namespace: str, interface: str = "eth0") -> None:
        super().__init__(CLIENT6, namespace, interface)

    def solicit(self, mac: str, **more: Any) -> Answer6 | None:
        return self._say(do="solicit", mac=mac, **more)

    def acquire(self, mac: str, **more: Any) -> Answer6 | None:
        """Solicit, then request what was advertised."""
        offer = self.solicit(mac, **more)
        if offer is None or not offer.ips:
            return offer
        return self._say(do="request", mac=mac, server=offer.server, wanted=offer.ips, **more)

    def renew(self, mac: str, ip: str, server: str, **more: Any) -> Answer6 | None:
        return self._say(do="renew", mac=mac, wanted=[ip], server=server, **more)

    def routers(self, mac: str, **more: Any) -> dict[str, Any] | None:
        """What a router advertisement says, or None where nobody sends one."""
        return self.ask(do="routers", mac=mac, **more)

    def _say(self, **command: Any) -> Answer6 | None:
        answer = self.ask(**command)
        return Answer6(**answer) if answer else None


class Laboratory:
    """One DHCP server and its clients. `files` is the directory that IPManager would own."""

    def __init__(
        self, home: Path, name: str, ranges: Sequence[str], options: Sequence[str]
    ) -> None:
        self.home = home
        self.files = home / "files"
        self.hosts = self.files / "hosts"
        self.opts = self.files / "opts"
        self.generation = self.files / "generation"
        self.leases = home / "leases"
        self.pidfile = home / "dnsmasq.pid"
        self.logfile = home / "dnsmasq.log"
        self.server, self.clients = f"{name}-server", f"{name}-clients"
        self.process: subprocess.Popen | None = None
        self.client: Client = None  # type: ignore[assignment]  # made last, by laboratory()
        self._client6: Client6 | None = None
        self._others: dict[str, Client] = {}  # by their interface
        self.conf = self._write_conf(ranges, options)

    # --- what a test does -------------------------------------------------------------------------

    @property
    def reload_setting(self) -> str:
        """For IPMANAGER_DNSMASQ_RELOAD."""
        return f"pidfile:{self.pidfile}"

    def write_hosts(self, text: str) -> None:
        self.hosts.write_text(text)

    def reload(self) -> None:
        """SIGHUP, then wait until dnsmasq has read its files."""
        reads = self.reads()
        assert self.process
        self.process.send_signal(signal.SIGHUP)
        self.wait(lambda: self.reads() > reads, "dnsmasq did not reload")

    def reads(self) -> int:
        """How often dnsmasq has read its hosts file."""
        return self.log().count(f"read {self.hosts}\n")

    def log(self) -> str:
        return self.logfile.read_text() if self.logfile.exists() else ""

    def complaints(self) -> list[str]:
        """Lines of the log that must not be there."""
        return [line for line in self.log().splitlines() if any(word in line for word in FORBIDDEN)]

    def lease_names(self) -> dict[str, str]:
        """Which name each leased address bears, as dnsmasq itself wrote it down."""
        rows = [line.split() for line in self.leases.read_text().splitlines()]
        return {row[2]: row[3] for row in rows if len(row) >= 4}

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def client6(self) -> Client6:
        """DHCPv6 clients on the same wire, made when they are first asked for."""
        if self._client6 is None:
            self._client6 = Client6(self.clients)
        return self._client6

    def route(self, network: str) -> None:
        """Let the server reach a network behind its wire, where a relay asks on behalf of
        others."""
        run("ip", "-n", self.server, "route", "add", network, "dev", "eth0")

    def udhcpc(self, mac: str) -> str:
        """The address that busybox's client gets in one attempt, or its last words."""
        require.part("udhcpc")
        run("ip", "-n", self.clients, "link", "set", "dev", "eth0", "address", mac)
        command = [
            "udhcpc",
            "-i",
            "eth0",
            "-n",
            "-q",
            "-f",
            "-t",
            "3",
            "-T",
            "1",
            "-s",
            "/bin/true",
        ]
        done = subprocess.run(
            ["ip", "netns", "exec", self.clients, *command], capture_output=True, text=True
        )
        words = (done.stdout + done.stderr).replace(",", " ").split()
        return words[words.index("of") + 1] if "obtained" in words else " ".join(words)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens in the block belong to the server's network."""
        with (
            open("/proc/thread-self/ns/net") as home,
            Path(f"/run/netns/{self.server}").open() as there,
        ):
            enter(there.fileno())
            try:
                yield
            finally:
                enter(home.fileno())

    def second_wire(self, address: str) -> Client:
        """Give the server a second interface, eth1 with this address, and clients on its wire."""
        cable(self.server, self.clients, "eth1", address)
        client = self._others["eth1"] = Client(self.clients, "eth1")
        return client

    # --- dnsmasq ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start dnsmasq and wait until it serves."""
        self.pidfile.unlink(missing_ok=True)
        reads = self.reads()
        command = [
            "ip",
            "netns",
            "exec",
            self.server,
            "dnsmasq",
            "--keep-in-foreground",
            f"--conf-file={self.conf}",
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait(lambda: self.reads() > reads or not self.alive(), "dnsmasq does not start")
        if not self.alive():
            raise RuntimeError(f"dnsmasq ended: {self.words()}{self.log()}")

    def stop(self) -> None:
        if self.process:
            stop(self.process)
            self.words()
            self.process = None
            self.pidfile.unlink(missing_ok=True)

    def words(self) -> str:
        """What dnsmasq printed; ends the pipe."""
        assert self.process and self.process.stderr
        with self.process.stderr as pipe:
            return pipe.read().decode(errors="replace")

    def wait(self, ready: Any, complaint: str, within: float = 20.0) -> None:
        deadline = time.monotonic() + within
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{complaint}:\n{self.log()[-2000:]}")
            time.sleep(0.005)

    def _write_conf(self, ranges: Sequence[str], options: Sequence[str]) -> Path:
        self.files.mkdir()
        for file in (self.hosts, self.opts, self.generation):
            file.touch()
        lines = [
            "interface=eth0",
            "bind-dynamic",
            "no-resolv",
            "no-hosts",
            "no-ping",  # 3 s less for every address of a pool
            "dhcp-authoritative",
            *(f"dhcp-range={text}" for text in ranges),
            *options,
            f"dhcp-hostsfile={self.hosts}",
            f"dhcp-optsfile={self.opts}",
            f"addn-hosts={self.generation}",
            f"dhcp-leasefile={self.leases}",
            f"pid-file={self.pidfile}",
            f"log-facility={self.logfile}",
        ]
        conf = self.home / "dnsmasq.conf"
        conf.write_text("\n".join(lines) + "\n")
        return conf


@contextmanager
def laboratory(
    ranges: Sequence[str] = (STATIC,),
    options: Sequence[str] = (),
    address: str = f"{SERVER}/24",
    further: Sequence[str] = (),
) -> Iterator[Laboratory]:
    """A running DHCP server with these `dhcp-range`s and further lines of configuration, and
    `lab.client`.

    `further` addresses stand on the server's interface, too.
    """
    require.part("root", "namespaces", "dnsmasq")
    name = f"ipm{os.getpid()}-{next(_serial)}"
    home = Path(tempfile.mkdtemp(prefix="ipmanager-lab-"))
    home.chmod(0o755)  # dnsmasq is not root
    lab = Laboratory(home, name, ranges, options)
    undertaker = hire_undertaker(lab)
    try:
        wire(lab, address, *further)
        lab.start()
        lab.client = Client(lab.clients)
        yield lab
    finally:
        tear_down(lab)
        dismiss(undertaker)


def wire(lab: Laboratory, *addresses: str) -> None:
    """Two namespaces and one cable."""
    for namespace in (lab.server, lab.clients):
        run("ip", "netns", "add", namespace)
    cable(lab.server, lab.clients, "eth0", *addresses)
    run("ip", "-n", lab.server, "link", "set", "dev", "lo", "up")


def cable(server: str, clients: str, name: str, *addresses: str) -> None:
    """An interface of this name in both namespaces, and a cable between them."""
    peer = ["type", "veth", "peer", "name", name, "netns", clients]
    run("ip", "link", "add", name, "netns", server, *peer)
    # Duplicate address detection takes a second or two, and nobody else is here.
    run("ip", "netns", "exec", server, "sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0")
    for address in addresses:
        run("ip", "-n", server, "address", "add", address, "dev", name)
    for namespace in (server, clients):
        run("ip", "-n", namespace, "link", "set", "dev", name, "up")


def hire_undertaker(lab: Laboratory) -> subprocess.Popen:
    command = [
        "sh",
        "-c",
        UNDERTAKER,
        "sh",
        str(lab.pidfile),
        lab.server,
        lab.clients,
        str(lab.home),
    ]
    nowhere = subprocess.DEVNULL  # its output, once the run is dead
    # A session of its own: Ctrl-C is for the tests.
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True
    )


def dismiss(undertaker: subprocess.Popen) -> None:
    assert undertaker.stdin
    undertaker.kill()
    undertaker.wait()
    undertaker.stdin.close()


def tear_down(lab: Laboratory) -> None:
    """Each step whatever became of the others."""
    for client in (lab.client, lab._client6, *lab._others.values()):
        if client:
            client.close()
    lab.stop()
    for namespace in (lab.server, lab.clients):
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
    shutil.rmtree(lab.home, ignore_errors=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def enter(namespace: int) -> None:
    """setns(2) for this thread only; os.setns exists from Python 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")
