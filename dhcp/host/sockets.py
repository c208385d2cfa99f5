"""Which processes of this host wait for DHCP requests: who has the sockets of UDP ports 67 and 547.

Whose socket it is, the kernel tells root and the owner only. Others see that there is one, and
the names of the processes that most probably have it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
PORTS = (67, 547)  # DHCP, DHCPv6
SERVERS = ("dnsmasq", "dhcpd", "kea-dhcp4", "kea-dhcp6", "udhcpd", "coredhcp", "dhcp-helper")
_INODE = re.compile(r"socket:\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Other:
    """A process, other than the expected ones, that has such a socket. `pid` is 0 where it is not
    known."""

    port: int
    pid: int = 0
    name: str = ""


def others(network: Path, ours: Collection[int]) -> list[Other]:
    """The processes in a namespace (`/proc/PID/net`) that wait for DHCP requests, but for `ours`.
    Raises OSError where the namespace cannot be seen."""
    waiting = _sockets(network)
    known, is_complete = _owned(ours)
    strange = {inode: port for inode, port in waiting.items() if inode not in known}
    if not strange:
        return []
    if is_complete:
        return _owners(strange)
    return list(_by_name(waiting, ours))


def _sockets(network: Path) -> dict[int, int]:
    """The inodes of the sockets and their ports."""
    found = {}
    for name in ("udp", "udp6"):
        with suppress(FileNotFoundError):  # a kernel without IPv6
            for line in (network / name).read_text().splitlines()[1:]:
                words = line.split()
                port = int(words[1].rpartition(":")[2], 16)
                if port in PORTS:
                    found[int(words[9])] = port
    return found


def _owned(pids: Collection[int]) -> tuple[set[int], bool]:
    """The sockets of these processes, and whether all of them could be seen."""
    found: set[int] = set()
    for pid in pids:
        try:
            found |= set(_sockets_of(pid))
        except PermissionError:
            return found, False
        except OSError:
            continue  # it has just ended
    return found, True


def _sockets_of(pid: int) -> Iterator[int]:
    """Raises OSError."""
    directory = _PROC / str(pid) / "fd"
    for name in os.listdir(directory):
        with suppress(FileNotFoundError):  # closed meanwhile
            if match := _INODE.match(os.readlink(directory / name)):
                yield int(match[1])


def _owners(strange: dict[int, int]) -> list[Other]:
    """Each process that has one of these sockets, once; and the sockets that nobody seems to
    have."""
    found, left = [], set(strange)
    for pid in _pids():
        with suppress(OSError):  # another user's, or just ended
            mine = strange.keys() & _sockets_of(pid)
            ports = set(map(strange.__getitem__, mine))
            found += [Other(port, pid, _name(pid)) for port in ports]
            left -= mine
    return found + list(map(Other, sorted(set(map(strange.__getitem__, left)))))


def _by_name(waiting: dict[int, int], ours: Collection[int]) -> Iterator[Other]:
    """The DHCP servers among the processes of this namespace, which sees the same sockets."""
    for pid in _pids():
        if pid in ours or _parent(pid) in ours or _name(pid) not in SERVERS:
            continue  # dnsmasq has a child that runs its scripts
        with suppress(OSError):
            if _sockets(_PROC / str(pid) / "net") == waiting:
                yield Other(min(waiting.values()), pid, _name(pid))


def _pids() -> list[int]:
    return list(map(int, filter(str.isdigit, os.listdir(_PROC))))


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _parent(pid: int) -> int:
    """0 for a process that has just ended."""
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
