"""Scopes as text: the options that dnsmasq re-reads at every reload, and the configuration that
needs a restart.

Pure: the same records are the same bytes. Tags are made from row numbers, never from what somebody
typed."""

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from operator import attrgetter, itemgetter
from pathlib import Path

from core.errors import Invalid
from dhcp.files.records import ConfGroup, ConfLine, OptionLine, ScopeRecord
from dhcp.files.render import bracketed, header
from ipam.addresses import Address

_PATH = re.compile(r"/[A-Za-z0-9/._+-]+")
_DIRECTIVE = re.compile(r"[a-z][a-z0-9-]*")
_FIELD = re.compile(r"[A-Za-z0-9/._~:@?&=+%$(){}\[\]!*-]*")
_TEXT = re.compile(r"[A-Za-z0-9/._~:@?&=+%$(){}\[\]!*; -]*")
_SERVED = {4: (8, 30), 6: (64, 126)}  # prefix lengths that dnsmasq serves, by IP version


def opts_file(lines: Iterable[OptionLine], url: str) -> bytes:
    """The whole dhcp-optsfile."""
    body = [f"{line.text}\n" for line in lines]
    return "".join([header(url), f"# Options: {len(body)}\n", *body]).encode("ascii")


def option_lines(scopes: Iterable[ScopeRecord]) -> tuple[OptionLine, ...]:
    """What the machines of each scope receive beside their address."""
    found: list[OptionLine] = []
    for scope in _ordered(scopes):
        found += _v4(scope) if scope.network.version == 4 else _v6(scope)
    return tuple(found)


def _v4(scope: ScopeRecord) -> Iterator[OptionLine]:
    """An option without a value is not sent: without a router in the ledger dnsmasq would name
    itself."""
    yield OptionLine(scope.tag, "option:router", str(scope.router or ""), scope.rows)
    values = (
        ("option:dns-server", _joined(scope.dns)),
        ("option:ntp-server", _joined(scope.ntp)),
        ("option:domain-name", scope.domain),
        ("option:server-ip-address", str(scope.boot_server or "")),
        ("option:bootfile-name", scope.boot_file),
    )
    yield from _given(scope, values)
    yield from _further(scope, "")


def _v6(scope: ScopeRecord) -> Iterator[OptionLine]:
    """An IPv6 router advertises itself (RFC 4861), so there is no option for it."""
    values = (
        ("option6:dns-server", _joined(scope.dns)),
        ("option6:sntp-server", _joined(scope.ntp)),
        ("option6:domain-search", scope.domain),
        ("option6:bootfile-url", scope.boot_file),
    )
    yield from _given(scope, values)
    yield from _further(scope, "option6:")


def _given(scope: ScopeRecord, values: Iterable[tuple[str, str]]) -> Iterator[OptionLine]:
    for name, value in values:
        if value:
            yield OptionLine(scope.tag, name, value, scope.rows)


def _further(scope: ScopeRecord, prefix: str) -> Iterator[OptionLine]:
    """The options by number."""
    rows = dict(scope.option_rows)
    for number, value in sorted(scope.further):
        sources = scope.rows
        if number in rows:
            sources = (rows[number], *sources)
        yield OptionLine(scope.tag, f"{prefix}{number}", value, sources)


def conf_file(
    scopes: Iterable[ScopeRecord], directory: Path, url: str, further: Iterable[ConfGroup] = ()
) -> bytes:
    """What root installs once, and again when a range changes: dnsmasq reads it when it starts.
    Raises Invalid."""
    scopes = _ordered(scopes)
    if not _PATH.fullmatch(str(directory)):
        raise Invalid(
            f"{directory} contains characters that dnsmasq's configuration cannot hold",
            hint="IPMANAGER_DNSMASQ_DIR",
        )
    lines = [
        "dhcp-authoritative",
        f"dhcp-hostsfile={directory}/hosts",
        f"dhcp-optsfile={directory}/opts",
        f"addn-hosts={directory}/generation",
    ]
    if "managed" in map(attrgetter("advertises"), scopes):
        lines.append("enable-ra")
    for scope in scopes:
        lines += map(itemgetter(0), scope_lines(scope))
    for group in further:
        lines += _group_lines(group)
    return (header(url) + "\n".join(lines) + "\n").encode("ascii")


def _group_lines(group: ConfGroup) -> Iterator[str]:
    yield header(group.title, "# ").rstrip("\n")
    yield from map(_conf_line, group.lines)


def _conf_line(line: ConfLine) -> str:
    """Quotes, commas, #, blanks and control characters have a meaning for dnsmasq; no field may
    hold one."""
    shape = _TEXT if line.directive == "txt-record" else _FIELD
    if not _DIRECTIVE.fullmatch(line.directive) or not all(map(shape.fullmatch, line.fields)):
        raise Invalid(f"{line} cannot stand in dnsmasq's configuration")
    return "=".join(filter(None, (line.directive, ",".join(line.fields))))


def scope_lines(scope: ScopeRecord) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A scope's part of the configuration, its ranges and the wire that it shares: each line with
    the ledger rows that it comes from."""
    if scope.wire:
        yield f"shared-network={scope.wire},{scope.network.network_address}", scope.rows
    mode = "slaac," if scope.advertises == "slaac" else ""
    end = f"{mode}{_mask(scope)},{scope.lease_time}"
    where = f"tag:{scope.interface}," if scope.interface else ""
    # Not dhcp-ignore: when dnsmasq decides whom to ignore, it does not know the range yet.
    whom = "tag:known," if scope.known_only else ""
    for (first, last), row in zip_longest(scope.ranges, scope.pool_rows):
        sources = (row, *scope.rows) if row else scope.rows
        yield f"dhcp-range={where}{whom}set:{scope.tag},{first},{last},{end}", sources
    if not scope.ranges:
        first = scope.network.network_address
        yield f"dhcp-range={where}set:{scope.tag},{first},static,{end}", scope.rows


def _mask(scope: ScopeRecord) -> str:
    if scope.network.version == 4:
        return str(scope.network.netmask)
    return str(scope.network.prefixlen)


def _joined(addresses: Iterable[Address]) -> str:
    return ",".join(map(bracketed, addresses))


def _ordered(scopes: Iterable[ScopeRecord]) -> list[ScopeRecord]:
    return sorted(
        scopes, key=lambda scope: (scope.network.version, int(scope.network[0]), scope.subnet_id)
    )


def complaint_about(version: int, prefixlen: int) -> str:
    """Why dnsmasq can serve no network of this size; empty when it can."""
    shortest, longest = _SERVED[version]
    if shortest <= prefixlen <= longest:
        return ""
    return f"dnsmasq serves IPv{version} networks from /{shortest} to /{longest}"
