"""Look at the host of a dnsmasq: what it really uses, and who else answers DHCP requests there.

Without a privilege and without the database, so that every agent can do it. What this user cannot
see is a note, never silence."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

from dhcp.daemon import installed, process
from dhcp.daemon.process import Daemon
from dhcp.files.targets import Target
from dhcp.host import sockets
from dhcp.host.findings import ERROR, NOTE, WARNING, HostFinding
from dhcp.host.foreign import foreign
from dhcp.host.interfaces import Choice, Interface, interfaces
from dhcp.leases import lease_file
from dhcp.leases.lease_file import FileKeepsChanging
from ipam.addresses import Network, supernets_of

OurProcesses = Callable[[], Collection[int]]
MOST = 50  # findings of one look
DEFAULT_LEASES = Path("/var/lib/misc/dnsmasq.leases")
CLOCK_TOLERANCE = 60  # seconds
NOBODY = Daemon(0, -1, frozenset(), 0, ())  # a user without any privilege


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, and of which process. `watched` are the files that decide it, `rewritten` is
    what changes all the time."""

    findings: tuple[HostFinding, ...] = ()
    process: dict[str, Any] = field(default_factory=dict)
    watched: tuple[Path, ...] = ()
    rewritten: tuple[Path, ...] = ()
    relayed: tuple[Network, ...] = ()  # subnets behind a relay

    def marks(self) -> list[tuple[int, ...]]:
        """What changes when there is a reason for another look. A few system calls."""
        return [*map(_mark, self.watched), *map(_mark_of_rewritten, self.rewritten)]

    def with_more(self, found: Iterable[HostFinding]) -> Inspection:
        """This inspection with what the database shows besides."""
        return replace(self, findings=(*self.findings, *found))

    def as_json(self) -> list[dict[str, Any]]:
        return list(map(HostFinding.as_json, self.findings))


def findings(target: Target) -> list[dict[str, Any]]:
    """What is wrong at this target's dnsmasq and its host, each as `kind`, `level` and `facts`."""
    return inspect(target).as_json()


def inspect(
    target: Target, before: dict[str, Any] | None = None, ours: OurProcesses = tuple
) -> Inspection:
    """`before`: the process of the look before this one. `ours`: finds the processes of the other
    dnsmasqs that this installation keeps in step here."""
    if target.reload == "none":
        return Inspection()
    found = process.find(target)
    if found is None:
        return Inspection(tuple(_without_process(target)), {}, (target.conf,), _rewritten(target))
    seen = chain(
        reads_ours(target, found),
        readable(target, found),
        lease_findings(target, found),
        configuration(target, found, ours),
        _changed_list(found, before or {}),
    )
    ordered = sorted(seen, key=lambda one: one.level != ERROR)
    if len(ordered) > MOST:
        ordered[MOST - 1 :] = [HostFinding("more", NOTE, {"number": len(ordered) - MOST + 1})]
    return Inspection(
        tuple(ordered),
        _facts_of(found),
        _watched(target, found),
        _rewritten(target, found),
        tuple(_relayed(target, found)),
    )


def _facts_of(found: Daemon) -> dict[str, Any]:
    return {
        "pid": found.pid,
        "started": int(found.started),
        "confs": sorted(map(str, found.confs)),
    }


def _relayed(target: Target, found: Daemon) -> list[Network]:
    """The served subnets in which no interface of dnsmasq's host has an address: their machines are
    behind a relay. None where the interfaces cannot be seen."""
    try:
        seen = interfaces(found.network)
    except OSError:
        return []
    addresses = chain.from_iterable(map(attrgetter("addresses"), seen))
    return sorted(set(_our_networks(target)) - supernets_of(addresses), key=str)


def _watched(target: Target, found: Daemon) -> tuple[Path, ...]:
    directories = [Path(one.value.partition(",")[0]) for one in found.values("conf-dir")]
    paths = map(found.within, (*found.confs, *directories))
    return (target.conf, target.installed or target.conf, *paths)


def _rewritten(target: Target, found: Daemon | None = None) -> tuple[Path, ...]:
    process = Path("/proc", str(found.pid)) if found else None
    return tuple(filter(None, [target.leases, process]))


def _mark(path: Path) -> tuple[int, int, int, int]:
    """Zeros for a file that is not there."""
    try:
        seen = path.stat()
    except OSError:
        return (0, 0, 0, 0)
    return (seen.st_mode, seen.st_size, seen.st_ino, seen.st_mtime_ns)


def _mark_of_rewritten(path: Path) -> tuple[int, ...]:
    mode, size, inode, _modified_at = _mark(path)
    return (mode, inode, bool(size))


def _without_process(target: Target) -> Iterator[HostFinding]:
    if not process.sees_others() and not target.reload.startswith("pidfile"):
        yield HostFinding("unseen", NOTE)
    yield from lease_findings(target, NOBODY)


# --- the files that it reads ----------------------------------------------------------------------


def reads_ours(target: Target, found: Daemon) -> Iterator[HostFinding]:
    """dnsmasq reads our hosts file, and its configuration has not changed since it started."""
    if found.reads(target.hosts, "dhcp-hostsfile") is None:
        yield _reads_others(target, found)
    elif found.unreadable:
        yield HostFinding("conf_unreadable", NOTE, {"paths": ", ".join(found.unreadable)})
    for conf in found.confs:
        if _modified(found.within(conf)) > found.started + 1:
            yield HostFinding("conf_changed", WARNING, {"path": str(conf)})


def _reads_others(target: Target, found: Daemon) -> HostFinding:
    if found.unreadable:
        return HostFinding("files_unknown", NOTE, {"paths": ", ".join(found.unreadable)})
    others = found.values("dhcp-hostsfile")
    if not others:
        conf = target.installed or Path("/etc/dnsmasq.d/ipmanager.conf")
        return HostFinding(
            "reads_nothing", ERROR, {"proposal": str(target.conf), "conf": str(conf)}
        )
    other = others[0]
    facts = {
        "theirs": other.value,
        "place": other.place,
        "ours": str(target.hosts),
        "conf": str(other.conf or ""),
    }
    return HostFinding("reads_others", ERROR, facts)


def _changed_list(found: Daemon, before: dict[str, Any]) -> Iterator[HostFinding]:
    """Files that came or went since the last look at the same process."""
    now = _facts_of(found)
    if (before.get("pid"), before.get("started")) != (now["pid"], now["started"]):
        return
    changed = set(now["confs"]) ^ set(before.get("confs", ()))
    for path in sorted(changed):
        yield HostFinding("conf_changed", WARNING, {"path": path})


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def readable(target: Target, found: Daemon | None) -> Iterator[HostFinding]:
    """dnsmasq's user can read its files. A hosts file that it cannot read holds no reservation from
    the next reload on."""
    reader = found or NOBODY
    for directory in reversed(target.hosts.parents):
        if directory.exists() and not reader.may_enter(directory):
            yield HostFinding("cannot_enter", ERROR, {"path": str(directory)})
            return
    for path in (target.hosts, target.opts, target.names, target.generation):
        if path.exists() and not reader.may_read(path):
            yield HostFinding("cannot_read", ERROR, {"path": str(path)})


# --- whom it serves -------------------------------------------------------------------------------


def configuration(
    target: Target, found: Daemon, ours: OurProcesses = tuple
) -> Iterator[HostFinding]:
    """It serves our subnets and nothing else, and nobody else does so on its host."""
    yield from foreign(target, found, installed.compare(target))
    yield from _served(target, found)
    yield from _others(target, found, ours)


def _served(target: Target, found: Daemon) -> Iterator[HostFinding]:
    """Every subnet with a range of ours has an interface on which dnsmasq answers, or is behind a
    relay: then no interface has an address there."""
    choice = Choice.of(found.options)
    try:
        seen = interfaces(found.network)
    except OSError as failure:
        yield HostFinding("interfaces_unseen", NOTE, {"why": failure.strerror or ""})
        return
    for network in sorted(set(_our_networks(target)), key=str):
        inside = [one for one in seen if one.is_in(network)]
        obstacles = {one.name: choice.obstacle(one, network.version) for one in inside}
        if obstacles and all(obstacles.values()):
            yield _unserved(network, inside[0], obstacles[inside[0].name])


def _our_networks(target: Target) -> Iterator[Network]:
    return installed.networks_of(installed.compare(target).options)


def _unserved(network: Network, interface: Interface, obstacle: Any) -> HostFinding:
    facts = {"network": str(network), "interface": interface.name}
    if isinstance(obstacle, str):
        return HostFinding("no_interface", ERROR, facts)
    facts |= {"option": f"{obstacle.name}={obstacle.value}", "place": obstacle.place}
    return HostFinding("excluded_interface", ERROR, facts)


def _others(target: Target, found: Daemon, ours: OurProcesses) -> Iterator[HostFinding]:
    """Other processes that answer DHCP requests. A dnsmasq that serves none of the interfaces of
    our subnets, as that of virtual machines, is only worth a note."""
    try:
        others = sockets.others(found.network, {found.pid})
    except OSError:
        return  # told as interfaces_unseen
    known = ours() if others else ()
    for other in others:
        if other.pid in known:
            continue
        facts = {"port": other.port, "pid": other.pid, "name": other.name}
        if not other.pid:
            yield HostFinding("unknown_server", WARNING, facts)
        elif _is_apart(target, found, other.pid):
            yield HostFinding("apart_server", NOTE, facts)
        else:
            yield HostFinding("other_server", ERROR, facts)


def _is_apart(target: Target, found: Daemon, pid: int) -> bool:
    """Whether it is a dnsmasq whose configuration keeps it from our subnets' interfaces."""
    other = process.of_pid(pid)
    if other is None or other.unreadable:
        return False
    choice, networks = Choice.of(other.options), list(_our_networks(target))
    near = filter(lambda one: any(map(one.is_in, networks)), interfaces(found.network))
    return bool(networks) and all(choice.obstacle(interface, 4) for interface in near)


# --- leases ---------------------------------------------------------------------------------------


def lease_findings(target: Target, found: Daemon) -> Iterator[HostFinding]:
    """The lease file that we read is the one that dnsmasq writes, and it holds leases. `found` is
    NOBODY where no process can be seen."""
    path = target.leases
    if path is None:
        return
    if refusals := found.values("leasefile-ro"):
        yield HostFinding("leases_unwritten", ERROR, {"place": refusals[0].place})
        return
    written = _lease_file(found)
    if written and os.path.realpath(written) != os.path.realpath(path):
        yield HostFinding("leases_elsewhere", ERROR, {"theirs": str(written), "ours": str(path)})
    elif not path.exists():
        kind, level = ("no_range", NOTE)
        if _has_range(target, found):
            kind, level = ("leases_missing", ERROR)
        yield HostFinding(kind, level, {"path": str(path)})
    else:
        yield from _content(path, found)


def _content(path: Path, found: Daemon) -> Iterator[HostFinding]:
    ahead = _modified(path) - time.time()
    if ahead > CLOCK_TOLERANCE:
        yield HostFinding("leases_future", ERROR, {"ahead": round(ahead)})
    if _is_replaced(path, found):
        yield HostFinding("leases_replaced", ERROR, {"path": str(path)})
    try:
        good, bad = lease_file.count(lease_file.read_stable(path))
    except FileKeepsChanging:
        return
    except OSError as failure:
        yield HostFinding(
            "leases_unreadable", ERROR, {"path": str(path), "why": failure.strerror or ""}
        )
        return
    if bad:
        facts = {"path": str(path), "number": bad}
        yield HostFinding("leases_garbled", WARNING if good else ERROR, facts)


def _has_range(target: Target, found: Daemon) -> bool:
    """Whether dnsmasq has a range, as it runs or else as it is configured."""
    return bool(found.values("dhcp-range")) or installed.compare(target).has_range


def _lease_file(found: Daemon) -> Path | None:
    """Where dnsmasq writes its leases, if it says so. The last option counts."""
    options = found.values("dhcp-leasefile")
    return Path(options[-1].value) if options else None


def _is_replaced(path: Path, found: Daemon) -> bool:
    """Whether dnsmasq, which keeps its file open, writes to another one. Only root and its own user
    can see that."""
    if not found.values("dhcp-range"):
        return False
    home = Path("/proc", str(found.pid), "fd")
    try:
        wanted = path.stat()
        opened = list(map(os.stat, home.iterdir()))
    except OSError:
        return False
    return not any(map(partial(os.path.samestat, wanted), opened))
