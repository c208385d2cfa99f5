"""What the children of the supervisor are told of the living demo, and why it may be refused.
Without Django."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core import env
from core.errors import Conflict, Unavailable

PROGRAMS = ("dnsmasq", "ip", "nsenter", "unshare")
# Settings that name a dnsmasq: the demo has one of its own.
OURS = ("DIR", "RELOAD", "DNS", "CONF", "LEASES", "LOG")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where dnsmasq's files are, and the socket at which its DNS is asked."""

    directory: Path
    relay: socket.socket

    def settings(self, data_dir: Path) -> dict[str, str]:
        """The settings of the children, which belong to this dnsmasq."""
        host, port = self.relay.getsockname()
        return {
            "IPMANAGER_DNSMASQ_DIR": str(data_dir / "dnsmasq"),
            "IPMANAGER_DNSMASQ_RELOAD": f"pidfile:{pid_file(self.directory)}",
            "IPMANAGER_DNSMASQ_DNS": f"{host}:{port}",
            "IPMANAGER_DNSMASQ_CONF": str(installed(self.directory)),
            "IPMANAGER_DHCP_SYNC": "worker",  # it begins when dnsmasq is there
            "IPMANAGER_DNSMASQ_LEASES": str(self.directory / "leases"),
            "IPMANAGER_DNSMASQ_LOG": str(log_file(self.directory)),
        }


def is_wanted() -> bool:
    return env.text("IPMANAGER_DEMO").lower() == "live"


def pid_file(directory: Path) -> Path:
    return directory / "dnsmasq.pid"


def installed(directory: Path) -> Path:
    """The configuration with our ranges, which this demo installs as root does elsewhere."""
    return directory / "installed.conf"


def log_file(directory: Path) -> Path:
    return directory / "log"


@contextmanager
def planned(data_dir: Path) -> Iterator[Plan]:
    """Check that it can run, and set the children's environment. Raises Conflict or Unavailable."""
    refuse_unfit()
    directory = data_dir / "living_demo"
    directory.mkdir(mode=0o755, exist_ok=True)
    pid_file(directory).unlink(missing_ok=True)
    installed(directory).touch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind(("127.0.0.1", 0))
        plan = Plan(directory, relay)
        os.environ.update(plan.settings(data_dir))
        yield plan


def refuse_unfit() -> None:
    """Raises Conflict where it must not run, Unavailable where something is missing."""
    hint = "or start with IPMANAGER_DEMO=1, the demo network without a dnsmasq"
    if os.geteuid() != 0:
        raise Conflict("IPMANAGER_DEMO=live makes network namespaces: run it as root", hint)
    if missing := [name for name in PROGRAMS if not program(name)]:
        text = f"IPMANAGER_DEMO=live needs {', '.join(missing)}"
        raise Unavailable(text, f"apt-get install dnsmasq-base iproute2 util-linux; {hint}")
    for name in OURS:
        if env.text(f"IPMANAGER_DNSMASQ_{name}"):
            text = f"IPMANAGER_DEMO=live has a dnsmasq of its own; unset IPMANAGER_DNSMASQ_{name}"
            raise Conflict(text, hint)


def program(name: str) -> str | None:
    """The path of a program, those of root included."""
    return shutil.which(name, path=_PATH)
