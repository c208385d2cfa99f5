"""Scopes as text: the options that dnsmasq re-reads at every reload, and the configuration that
needs a restart.

Pure: the same records are the same bytes. Tags are made from row numbers, never from what somebody
typed."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.errors import Invalid
from dhcp.files.records import ConfGroup, ConfLine, ScopeRecord
from dhcp.files.render import header
from ipam.addresses import Address

_PATH = re.compile(r"/[A-Za-z0-9/._+-]+")
_DIRECTIVE = re.compile(r"[a-z][a-z0-9-]*")
_FIELD = re.compile(r"[A-Za-z0-9/._~:@?&=+%$(){}\[\]!*-]*")
_V6_LONGEST = 64  # dnsmasq serves no IPv6 network that is larger


def opts_file(scopes: Iterable[ScopeRecord], url: str) -> bytes:
    """The whole dhcp-optsfile."""
    lines = [line for scope in _ordered(scopes) for line in option_lines(scope)]
    return "".join([header(url), f"# Options: {len(lines)}\n", *lines]).encode("ascii")


def option_lines(scope: ScopeRecord) -> Iterator[str]:
    """What the machines of a scope are told beside their address. An option without a value is not
    sent: without a router in the ledger dnsmasq would name itself."""
    for name, value in _v4(scope) if scope.network.version == 4 else _v6(scope):
        yield ",".join(filter(None, (f"tag:{scope.tag}", name, value))) + "\n"


def _v4(scope: ScopeRecord) -> Iterator[tuple[str, str]]:
    yield "option:router", str(scope.router or "")
    if scope.dns:
        yield "option:dns-server", _joined(scope.dns)
    if scope.ntp:
        yield "option:ntp-server", _joined(scope.ntp)
    if scope.domain:
        yield "option:domain-name", scope.domain
    if scope.boot_server:
        yield "option:server-ip-address", str(scope.boot_server)
    if scope.boot_file:
        yield "option:bootfile-name", scope.boot_file
    for number, value in sorted(scope.further):
        yield str(number), value


def _v6(scope: ScopeRecord) -> Iterator[tuple[str, str]]:
    """The router of an IPv6 network tells of itself."""
    if scope.dns:
        yield "option6:dns-server", _joined(scope.dns)
    if scope.ntp:
        yield "option6:sntp-server", _joined(scope.ntp)
    if scope.domain:
        yield "option6:domain-search", scope.domain
    if scope.boot_file:
        yield "option6:bootfile-url", scope.boot_file
    for number, value in sorted(scope.further):
        yield f"option6:{number}", value


def conf_file(
    scopes: Iterable[ScopeRecord], directory: Path, url: str, further: Iterable[ConfGroup] = ()
) -> bytes:
    """What root installs once, and again when a range changes: dnsmasq reads it when it starts.
    Raises Invalid."""
    scopes = _ordered(scopes)
    if not _PATH.fullmatch(str(directory)):
        raise Invalid(
            f"{directory} has signs that dnsmasq's configuration cannot hold",
            hint="IPMANAGER_DNSMASQ_DIR",
        )
    lines = [
        "dhcp-authoritative",
        f"dhcp-hostsfile={directory}/hosts",
        f"dhcp-optsfile={directory}/opts",
        f"addn-hosts={directory}/generation",
        *(["enable-ra"] if any(scope.advertises == "managed" for scope in scopes) else []),
        *(line for scope in scopes for line in _scope_lines(scope)),
        *(line for group in further for line in _group_lines(group)),
    ]
    return (header(url) + "\n".join(lines) + "\n").encode("ascii")


def _group_lines(group: ConfGroup) -> Iterator[str]:
    yield header(group.title, "# ").rstrip("\n")
    for line in group.lines:
        yield _conf_line(line)


def _conf_line(line: ConfLine) -> str:
    """Quotes, commas, #, blanks and control characters are dnsmasq's own; no field may hold one."""
    if not _DIRECTIVE.fullmatch(line.directive) or not all(map(_FIELD.fullmatch, line.fields)):
        raise Invalid(f"{line} cannot stand in dnsmasq's configuration")
    return "=".join(filter(None, (line.directive, ",".join(line.fields))))


def _scope_lines(scope: ScopeRecord) -> Iterator[str]:
    if scope.wire:
        yield f"shared-network={scope.wire},{scope.network.network_address}"
    mode = "slaac," if scope.advertises == "slaac" else ""
    end = mode + _mask(scope)
    # Not dhcp-ignore: when dnsmasq decides whom to ignore, it does not know the range yet.
    whom = "tag:known," if scope.known_only else ""
    for first, last in scope.ranges:
        yield f"dhcp-range={whom}set:{scope.tag},{first},{last},{end},{scope.lease_time}"
    if not scope.ranges:
        yield f"dhcp-range=set:{scope.tag},{scope.network.network_address},static,{end},{scope.lease_time}"


def _mask(scope: ScopeRecord) -> str:
    network = scope.network
    return str(network.netmask) if network.version == 4 else str(network.prefixlen)


def _joined(addresses: Iterable[Address]) -> str:
    return ",".join(f"[{ip}]" if ip.version == 6 else str(ip) for ip in addresses)


def _ordered(scopes: Iterable[ScopeRecord]) -> list[ScopeRecord]:
    return sorted(
        scopes, key=lambda scope: (scope.network.version, int(scope.network[0]), scope.subnet_id)
    )


def complaint_about(version: int, prefixlen: int) -> str:
    """Why dnsmasq can serve no network of this size; empty when it can."""
    if version == 4:
        return "" if 8 <= prefixlen <= 30 else "dnsmasq serves IPv4 networks from /8 to /30"
    return (
        "" if _V6_LONGEST <= prefixlen <= 126 else "dnsmasq serves IPv6 networks from /64 to /126"
    )
