"""The dnsmasq that runs: its process, and the files that its command line and configuration tell it
to read.

Read from /proc and from the configuration itself, so without any privilege; what may not be read is
not known."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "dnsmasq"
DEFAULT_CONF = Path("/etc/dnsmasq.conf")
_PROC = Path("/proc")
_SHORT = {
    "C": "conf-file",
    "7": "conf-dir",
    "H": "addn-hosts",
    "l": "dhcp-leasefile",
    "x": "pid-file",
}
_DEEPEST = 8  # configurations that name configurations
_VERSION_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Said:
    """One option, and where it stands: in a file, or on the command line (None)."""

    option: str
    value: str
    conf: Path | None = None

    @property
    def place(self) -> str:
        return str(self.conf) if self.conf else f"{NAME}'s command line"


@dataclass(frozen=True, slots=True)
class Daemon:
    """One running process."""

    pid: int
    uid: int
    groups: frozenset[int]
    started: float  # seconds since the epoch
    said: tuple[Said, ...]
    unread: tuple[str, ...] = ()  # configurations that we may not read

    def values(self, option: str) -> list[Said]:
        return [said for said in self.said if said.option == option]

    def reads(self, path: Path, option: str) -> Said | None:
        """Where it is told to read this file by this option."""
        return next((said for said in self.values(option) if _same(Path(said.value), path)), None)

    def may_read(self, path: Path) -> bool:
        """By the mode's bits; an access list may say otherwise."""
        return self._has(path, 4)

    def may_enter(self, path: Path) -> bool:
        return self._has(path, 1)

    def _has(self, path: Path, bit: int) -> bool:
        facts = path.stat()
        if self.uid == 0:
            return True
        shift = 6 if facts.st_uid == self.uid else 3 if facts.st_gid in self.groups else 0
        return bool(facts.st_mode >> shift & bit)


def of_pidfile(pidfile: Path) -> Daemon | None:
    """The dnsmasq whose number stands there; None when nobody, or somebody else, has it."""
    try:
        return _daemon(int(pidfile.read_text()))
    except (OSError, ValueError):
        return None


def running() -> list[Daemon]:
    """Every dnsmasq of this machine, as far as this process can see."""
    return [
        found
        for entry in _PROC.iterdir()
        if entry.name.isdigit() and (found := _daemon(int(entry.name)))
    ]


def sees_others() -> bool:
    """Whether processes of other users can be seen: of a hardened service they are hidden."""
    return (_PROC / "1").exists()


def program() -> Path | None:
    """The installed one."""
    found = shutil.which(NAME, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def version(program: Path) -> str:
    """What it says of itself, as in 2.90."""
    done = subprocess.run(
        [program, "--version"],
        capture_output=True,
        text=True,
        timeout=_VERSION_SECONDS,
        check=False,
    )
    found = re.search(r"version (\S+)", done.stdout)
    return found[1] if found else ""


def _daemon(pid: int) -> Daemon | None:
    home = _PROC / str(pid)
    try:
        if (home / "comm").read_text().strip() != NAME:
            return None
        arguments = (home / "cmdline").read_text().rstrip("\0").split("\0")[1:]
        status = dict(
            line.partition(":")[::2] for line in (home / "status").read_text().splitlines()
        )
        started = _started(home)
    except (OSError, ValueError):
        return None  # it has just ended, or it is hidden from us
    unread: list[str] = []
    groups = {int(status["Gid"].split()[1]), *map(int, status["Groups"].split())}
    said = tuple(_settled(_of_command_line(arguments), unread))
    return Daemon(
        pid, int(status["Uid"].split()[1]), frozenset(groups), started, said, tuple(unread)
    )


def _started(home: Path) -> float:
    ticks = int((home / "stat").read_text().rpartition(")")[2].split()[19])
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - since_boot


# --- what it was told -----------------------------------------------------------------------------


def _of_command_line(arguments: Iterable[str]) -> Iterator[Said]:
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("--"):
            option, equals, value = argument[2:].partition("=")
            known = option in _SHORT.values() or option in ("dhcp-hostsfile", "dhcp-optsfile")
            yield Said(option, value if equals or not known else next(rest, ""))
        elif argument[:1] == "-" and argument[1:2] in _SHORT:
            yield Said(_SHORT[argument[1]], argument[2:] or next(rest, ""))


def _settled(said: Iterable[Said], unread: list[str]) -> Iterator[Said]:
    """All of it, and what the configurations say that it names. Without one, dnsmasq reads its
    default."""
    told = list(said)
    if not any(one.option == "conf-file" for one in told):
        told.append(Said("conf-file", str(DEFAULT_CONF)))
    for one in told:
        yield from _followed(one, unread, 0)


def _followed(said: Said, unread: list[str], depth: int) -> Iterator[Said]:
    yield said
    if depth < _DEEPEST and said.option in ("conf-file", "conf-dir"):
        for conf in (
            [Path(said.value)] if said.option == "conf-file" else _of_directory(said.value, unread)
        ):
            for inner in _of_file(conf, unread):
                yield from _followed(inner, unread, depth + 1)


def _of_directory(value: str, unread: list[str]) -> Iterator[Path]:
    """`DIR,.bak` is all but those, `DIR,*.conf` only those; never names that dnsmasq takes for an
    editor's."""
    directory, *ends = value.split(",")
    wanted = tuple(end[1:] for end in ends if end.startswith("*"))
    others = tuple(end for end in ends if not end.startswith("*"))
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        unread.append(directory)
        return
    for name in names:
        is_editors = name.startswith(".") or name.endswith("~") or (name[0] == name[-1] == "#")
        if not is_editors and not name.endswith(others) and (not wanted or name.endswith(wanted)):
            yield Path(directory, name)


def _of_file(conf: Path, unread: list[str]) -> Iterator[Said]:
    try:
        text = conf.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError:
        unread.append(str(conf))
        return
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line)
        option, _equals, value = words.partition("=")
        if option.strip():
            yield Said(option.strip(), value.strip().strip('"'), conf)


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
