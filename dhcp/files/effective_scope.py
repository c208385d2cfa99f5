"""A scope and its subnet make one record: what the scope leaves blank, the subnet says.

What raw SQL may have put there is left out value by value and named; the rest of the scope is
served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ValidationError

from dhcp import options
from dhcp.files import scopes
from dhcp.files.records import HostRecord, Problem, ScopeRecord
from dhcp.models import DhcpOption, DhcpScope
from ipam.addresses import Address
from ipam.hostnames import validate_hostname

SHORTEST_LEASE = 120


def record(scope: DhcpScope) -> tuple[ScopeRecord | None, list[Problem]]:
    """The scope as dnsmasq may be told of it, or None; and what had to be left out. Asks no query
    of a served() row."""
    problems: list[Problem] = []
    network = scope.subnet.network

    def complain(field: str, reason: str) -> None:
        problems.append(
            Problem(HostRecord("dhcpscope", scope.pk, (), network[0], str(network)), field, reason)
        )

    if complaint := scopes.complaint_about(network.version, network.prefixlen):
        complain("subnet", complaint)
        return None, problems
    found = ScopeRecord(
        subnet_id=scope.subnet_id,
        network=network,
        lease_time=max(scope.lease_time, SHORTEST_LEASE),
        ranges=tuple(
            (pool.first, pool.last) for pool in scope.subnet.pools.all() if pool.kind == "dhcp"
        ),
        known_only=scope.known_only,
        router=_router(scope, complain),
        dns=_same_version(scope, list(scope.dns_servers) or list(scope.subnet.dns_servers)),
        ntp=_same_version(scope, list(scope.ntp_servers)),
        domain=_domain(scope.domain or scope.subnet.domain, complain),
        boot_server=scope.boot_server
        if scope.boot_server and scope.boot_server.version == 4
        else None,
        boot_file=_boot_file(scope, complain),
        further=tuple(_further(scope, complain)),
        by_end=scope.by_end and network.version == 6 and network.prefixlen == 64,
        advertises=scope.advertises
        if network.version == 6 and scope.advertises in scope.Advertises.values
        else "",
        wire=_wire(scope, complain),
    )
    return found, problems


def _router(scope: DhcpScope, complain: Callable[[str, str], None]) -> Address | None:
    router = scope.router if scope.router is not None else scope.subnet.gateway
    if router is None or router in scope.subnet.network:
        return router
    complain("router", f"the router {router} does not stand in {scope.subnet.network}")
    return None


def _wire(scope: DhcpScope, complain: Callable[[str, str], None]) -> Address | None:
    if scope.wire is None:
        return None
    address = scope.wire_address if scope.wire_address is not None else scope.wire.gateway
    if address is not None and address.version == scope.subnet.network.version:
        return address
    complain("wire", f"nobody has an address of this IP version on the wire of {scope.wire}")
    return None


def _same_version(scope: DhcpScope, servers: list[Any]) -> tuple[Address, ...]:
    """A subnet's DNS servers may be of both IP versions; each version of DHCP can name its own
    only."""
    return tuple(ip for ip in servers if ip.version == scope.subnet.network.version)


def _domain(domain: str, complain: Callable[[str, str], None]) -> str:
    try:
        if domain:
            validate_hostname(domain)
    except ValidationError as error:
        complain("domain", " ".join(error.messages))
        return ""
    return domain.lower()


def _boot_file(scope: DhcpScope, complain: Callable[[str, str], None]) -> str:
    text = scope.boot_file
    if not text or options.is_boot_file(text, scope.subnet.network.version):
        return text
    complain("boot_file", f"{text!r} is no boot file that dnsmasq would hand on unchanged")
    return ""


def _further(scope: DhcpScope, complain: Callable[[str, str], None]) -> Iterator[tuple[int, str]]:
    option: DhcpOption
    version = scope.subnet.network.version
    for option in scope.options.all():
        try:
            options.check_number(option.number, version)
            kind = option.type or options.kind_of(option.number, version)
            yield option.number, options.encode(kind, option.value, version)
        except (ValueError, KeyError) as error:
            complain(f"option {option.number}", str(error))
