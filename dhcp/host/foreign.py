"""Lines of dnsmasq's configuration that IPManager has not written, and that decide who gets which
address: ranges, hosts, and whom to ignore."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import filterfalse
from operator import attrgetter
from pathlib import Path

from dhcp.daemon.installed import Installed
from dhcp.daemon.lines import Host, Range, parse_host, parse_range
from dhcp.daemon.options import SKIPPED, Option, named, values_of
from dhcp.daemon.process import Daemon, is_same
from dhcp.files import check
from dhcp.files.targets import Target
from dhcp.host.findings import ERROR, WARNING, HostFinding

ETHERS = Path("/etc/ethers")
MOST_LINES = 20_000  # of a foreign hosts file
MOST_EACH = 3  # hosts of one file that are told each by itself


def foreign(target: Target, found: Daemon, proposal: Installed) -> Iterator[HostFinding]:
    """Every such line, and every range of ours that dnsmasq does not have."""
    proposed = named(proposal.options, "dhcp-range")
    yield from _ranges(found.values("dhcp-range"), proposed)
    if not found.unreadable and found.reads(target.hosts, "dhcp-hostsfile"):
        yield from _missing_ranges(found, proposed)
    ours = named(proposal.options, "dhcp-ignore")
    for option in _beyond(found.values("dhcp-ignore"), ours):
        yield HostFinding("foreign_ignore", ERROR, _facts(option))
    yield from _hosts(target, found)


def _beyond(options: Iterable[Option], known: Iterable[Option]) -> Iterator[Option]:
    """The options with a value that none of the known ones has."""
    values = set(values_of(known))
    return filterfalse(lambda option: option.value in values, options)


def _facts(option: Option) -> dict[str, str]:
    return {"value": option.value, "place": option.place}


# --- ranges ---------------------------------------------------------------------------------------


def _ranges(effective: list[Option], proposed: list[Option]) -> Iterator[HostFinding]:
    """Ranges that hand out addresses, unless we propose them. One for reservations only does not
    give an address to anybody whom the ledger does not know."""
    served = list(filter(None, map(parse_range, values_of(proposed))))
    # The same addresses for another time, or under other conditions, are none of others.
    ours = set(map(attrgetter("first", "last"), served))
    for option in effective:
        found = parse_range(option.value)
        if found and found.last and (found.first, found.last) not in ours:
            kind = "old_range" if found.is_ours else "foreign_range"
            level = ERROR if _is_in_one_of(found, served) else WARNING
            facts = {"first": str(found.first), "last": str(found.last)}
            yield HostFinding(kind, level, {**_facts(option), **facts})


def _is_in_one_of(found: Range, served: list[Range]) -> bool:
    """Whether it hands out addresses of a subnet that has a range of ours."""
    return any(one.network and found.overlaps(one.network) for one in served)


def _missing_ranges(found: Daemon, proposed: list[Option]) -> Iterator[HostFinding]:
    for option in _beyond(proposed, found.values("dhcp-range")):
        wanted = parse_range(option.value)
        network = wanted.network if wanted else None
        facts = {"value": option.value, "network": str(network or ""), "place": option.place}
        yield HostFinding("range_missing", ERROR, facts)


# --- hosts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is for one machine, and where it is."""

    text: str
    place: str

    @property
    def file(self) -> str:
        return self.place.rpartition(":")[0] or self.place


def _hosts(target: Target, found: Daemon) -> Iterator[HostFinding]:
    lines = list(_host_lines(target, found))
    if not lines:
        return
    ours = _Reservations.read(target.hosts)
    harmless = defaultdict[str, list[HostFinding]](list)
    for line in lines:
        seen = _host(line, ours)
        if seen.level == ERROR:
            yield seen
        else:
            harmless[line.file].append(seen)
    for file, each in harmless.items():
        if len(each) > MOST_EACH:
            each = [HostFinding("foreign_hosts", WARNING, {"place": file, "number": len(each)})]
        yield from each


def _host(line: _Line, ours: _Reservations) -> HostFinding:
    host = parse_host(line.text)
    contradicted = ours.contradicted(host)
    facts = {
        "value": line.text,
        "place": line.place,
        "ours": contradicted,
        "macs": list(host.macs),
        "ips": list(map(str, host.ips)),
    }
    return HostFinding("foreign_host", ERROR if contradicted else WARNING, facts)


def _host_lines(target: Target, found: Daemon) -> Iterator[_Line]:
    """What dnsmasq reads of hosts beside our file. Unreadable files are told apart from this."""
    for option in found.values("dhcp-host"):
        yield _Line(option.value, option.place)
    for path in _other_files(found):
        if not is_same(found.within(path), target.hosts):
            yield from _lines_of(found, path)
    if found.values("read-ethers"):
        for line in _lines_of(found, ETHERS):
            yield _Line(re.sub(r"\s+", ",", line.text), line.place)


def _other_files(found: Daemon) -> Iterator[Path]:
    """The hosts files, and those in directories of them."""
    for option in [*found.values("dhcp-hostsfile"), *found.values("dhcp-hostsdir")]:
        path = Path(option.value)
        try:
            inner = sorted(found.within(path).iterdir())
        except NotADirectoryError:
            yield path
        except OSError:
            continue
        else:
            yield from map(path.joinpath, map(attrgetter("name"), filter(_is_read, inner)))


def _is_read(path: Path) -> bool:
    """dnsmasq skips hidden files, and what editors leave."""
    return path.is_file() and not SKIPPED.fullmatch(path.name)


def _lines_of(found: Daemon, path: Path) -> Iterator[_Line]:
    try:
        text = found.within(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.split("\n")[:MOST_LINES], start=1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line:
            yield _Line(line, f"{path}:{number}")


@dataclass(frozen=True, slots=True)
class _Reservations:
    """Our hosts file, by MAC and by address."""

    by_mac: dict[str, set[str]]
    by_ip: dict[str, check.Row]

    @classmethod
    def read(cls, path: Path) -> _Reservations:
        data = b""
        with suppress(OSError):
            data = path.read_bytes()
        rows, by_mac = check.hosts_file(data, None).rows, defaultdict[str, set[str]](set)
        for row in rows:
            for mac in row.macs:
                by_mac[mac].add(str(row.ip))
        return cls(by_mac, {str(row.ip): row for row in rows})

    def contradicted(self, host: Host) -> str:
        """The reservation of ours that the line contradicts, or empty."""
        for ip in map(str, host.ips):
            row = self.by_ip.get(ip)
            if row and host.macs and set(row.macs).isdisjoint(host.macs):
                return f"{','.join(row.macs)},{ip}"
        for mac in host.macs:
            ips = self.by_mac.get(mac)
            if ips and (host.is_ignored or ips.isdisjoint(map(str, host.ips))):
                return f"{mac},{sorted(ips)[0]}"
        return ""
