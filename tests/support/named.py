"""A real dnsmasq on a loopback port that serves what the ledger says, by the configuration that
IPManager proposes."""

import getpass
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from dhcp.files.sync import sync
from dhcp.files.targets import Target
from tests.support import dns, require
from tests.support.lab import stop
from tests.support.postgres import free_port


@dataclass
class NameServer:
    """Answers as text, sorted."""

    port: int
    home: Path

    def __call__(self, name: str, kind: str = "A") -> list[str]:
        return dns.ask(self.port, name, kind)

    def ptr(self, address: str) -> list[str]:
        return self(ip_address(address).reverse_pointer, "PTR")

    def both(self, name: str) -> list[str]:
        """Its IPv4 and IPv6 addresses."""
        return [ip for kind in ("A", "AAAA") for ip in self(name, kind) if ip != dns.NXDOMAIN]


@contextmanager
def name_server(settings, home: Path) -> Iterator[NameServer]:
    """From now on the default DHCP server is this one. What the ledger says now is served, and its
    configuration is installed; a further zone or record needs another one."""
    require.part("dnsmasq")
    settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = home / "dnsmasq", "none"
    settings.DNSMASQ_DNS, settings.DNSMASQ_LEASES = None, home / "leases"
    assert sync().good
    server = NameServer(free_port(), home)
    pidfile = home / "dnsmasq.pid"
    process = _start(server, Target.from_settings(), pidfile)
    settings.DNSMASQ_RELOAD = f"pidfile:{pidfile}"
    settings.DNSMASQ_DNS = ("127.0.0.1", server.port)
    try:
        yield server
    finally:
        settings.DNSMASQ_RELOAD, settings.DNSMASQ_DNS = "none", None
        stop(process)


def _start(server: NameServer, target: Target, pidfile: Path) -> subprocess.Popen:
    conf = server.home / "test.conf"
    lines = [
        f"port={server.port}",
        "listen-address=127.0.0.1",
        "bind-interfaces",
        "no-resolv",
        "no-hosts",
        f"user={getpass.getuser()}",
        f"pid-file={pidfile}",
        f"log-facility={server.home / 'dnsmasq.log'}",
        f"dhcp-leasefile={server.home / 'leases'}",
        f"conf-file={target.conf}",
    ]
    conf.write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(["dnsmasq", "-k", f"--conf-file={conf}"])
    dns.wait_for(process, server.port, server.home / "dnsmasq.log")
    return process


def refused(port: int, name: str) -> bool:
    """Whether it answers REFUSED: the name is not ours, and there is nobody to ask."""
    question = partial(dns.encoded, name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2)
        asking.connect(("127.0.0.1", port))
        asking.send(b"\0\7\1\0\0\1\0\0\0\0\0\0" + question() + b"\0\1\0\1")
        return asking.recv(512)[3] & 0xF == 5
