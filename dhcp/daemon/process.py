"""The dnsmasq processes of this machine, as /proc and their configuration show them.

It takes no privilege; what this user cannot read is not known."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from dhcp.daemon.options import Option, named, read_options
from dhcp.files.targets import Target

NAME = "dnsmasq"
READ, ENTER = 4, 1  # bits of a file's mode
_PROC = Path("/proc")
_VERSION_SECONDS = 5
_SAME_START = 1.0  # seconds by which two readings of one start may differ


@dataclass(frozen=True, slots=True)
class Daemon:
    """A dnsmasq process and its options."""

    pid: int
    uid: int
    groups: frozenset[int]
    started: float  # seconds since the epoch
    options: tuple[Option, ...]
    unreadable: tuple[str, ...] = ()  # configuration files that this user cannot read
    confs: tuple[Path, ...] = ()  # all configuration files that it reads when it starts
    root: Path = Path("/")  # where its file system begins for us

    @property
    def network(self) -> Path:
        """What the kernel shows of its network namespace."""
        return _PROC / str(self.pid) / "net"

    def within(self, path: str | Path) -> Path:
        """A path of its file system as one of ours."""
        return self.root / str(path).lstrip("/")

    def values(self, name: str) -> list[Option]:
        return named(self.options, name)

    def reads(self, path: Path, name: str) -> Option | None:
        """The option of this name that makes it read this file."""
        for option in self.values(name):
            if is_same(self.within(option.value), path):
                return option
        return None

    def may_read(self, path: Path) -> bool:
        """By the bits of the mode; an access list may say otherwise."""
        return self._has(path, READ)

    def may_enter(self, path: Path) -> bool:
        return self._has(path, ENTER)

    def _has(self, path: Path, bit: int) -> bool:
        if self.uid == 0:
            return True
        facts = path.stat()
        if facts.st_uid == self.uid:
            return bool(facts.st_mode >> 6 & bit)
        if facts.st_gid in self.groups:
            return bool(facts.st_mode >> 3 & bit)
        return bool(facts.st_mode & bit)


def of_pidfile(pidfile: Path) -> Daemon | None:
    """The dnsmasq whose process id is in this file; None if that process is gone or another
    program."""
    try:
        return of_pid(int(pidfile.read_text()))
    except (OSError, ValueError):
        return None


def find(target: Target) -> Daemon | None:
    """The dnsmasq process that serves this target, as far as it can be seen from here."""
    kind, _colon, place = target.reload.partition(":")
    if kind == "pidfile":
        return of_pidfile(Path(place))
    if kind == "none":
        return None
    return with_files(target.hosts)


def running() -> list[Daemon]:
    """Every dnsmasq of this machine, as far as this process can see."""
    pids = map(int, filter(str.isdigit, os.listdir(_PROC)))
    return list(filter(None, map(of_pid, pids)))


def with_files(hosts: Path) -> Daemon | None:
    """The dnsmasq that reads this hosts file, or else the first one."""
    processes = running()
    readers = (one for one in processes if one.reads(hosts, "dhcp-hostsfile"))
    return next(chain(readers, processes), None)


def sees_others() -> bool:
    """Whether this process can see those of other users: a hardened service cannot."""
    return (_PROC / "1").exists()


def program() -> Path | None:
    """The installed dnsmasq."""
    found = shutil.which(NAME, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def version(program: Path) -> str:
    """The version that the program prints, as in 2.90; empty if it prints none."""
    done = subprocess.run(
        [program, "--version"],
        capture_output=True,
        text=True,
        timeout=_VERSION_SECONDS,
        check=False,
    )
    found = re.search(r"version (\S+)", done.stdout)
    return found[1] if found else ""


def status_letter(pid: int, started: float) -> str:
    """The state of the process that has this number since then, as proc(5) abbreviates it; empty
    where it has ended, or is hidden from us."""
    home = _PROC / str(pid)
    try:
        if abs(_started(home) - started) > _SAME_START:
            return ""
        return (home / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def exists(pid: int) -> bool:
    """Whether some process has this number, even one that is hidden from us."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def of_pid(pid: int) -> Daemon | None:
    home = _PROC / str(pid)
    try:
        if (home / "comm").read_text().strip() != NAME:
            return None
        arguments = (home / "cmdline").read_text().rstrip("\0").split("\0")[1:]
        status = _status(home)
        started = _started(home)
    except (OSError, ValueError):
        return None  # it has just ended, or it is hidden from us
    root = _root(home)
    found = read_options(arguments, root)
    return Daemon(
        pid=pid,
        uid=status["Uid"][1],
        groups=frozenset([status["Gid"][1], *status["Groups"]]),
        started=started,
        options=tuple(found.options),
        unreadable=tuple(found.unreadable),
        confs=tuple(found.files),
        root=root,
    )


def _root(home: Path) -> Path:
    """Where the file system of a process begins for us: a container has one of its own."""
    try:
        if (home / "ns/mnt").readlink() == (_PROC / "self/ns/mnt").readlink():
            return Path("/")
        return home / "root"
    except OSError:
        return Path("/")  # of another user; most probably it shares ours


def _status(home: Path) -> dict[str, list[int]]:
    """Its user and groups by proc(5): real, effective, saved and file system id."""
    numbers = {}
    for line in (home / "status").read_text().splitlines():
        name, _colon, value = line.partition(":")
        if name in ("Uid", "Gid", "Groups"):
            numbers[name] = list(map(int, value.split()))
    return numbers


def _started(home: Path) -> float:
    """When it started, in seconds since the epoch. proc(5) counts ticks since the boot."""
    ticks = int((home / "stat").read_text().rpartition(")")[2].split()[19])
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - since_boot


def is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, whatever they are called."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
