"""A scope and its subnet make one record: what the scope leaves blank, the subnet says.

What raw SQL may have put there is left out value by value and named; the rest of the scope is
served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from dhcp import options
from dhcp.files import scopes, wires
from dhcp.files.records import HostRecord, Problem, ScopeRecord
from dhcp.models import DhcpOption, DhcpScope
from ipam.addresses import Address, Network
from ipam.hostnames import validate_hostname
from ipam.models import Pool

NO_INTERFACE = (
    "it shares the wire of %s, and dnsmasq has other wires: without the name of its interface "
    "dnsmasq would give it out on all of them"
)
SHORTEST_LEASE = 120  # seconds; dnsmasq makes a shorter one this long


def record(scope: DhcpScope) -> tuple[ScopeRecord | None, list[Problem]]:
    """The scope as dnsmasq may read it, or None; and what had to be left out. Costs no query for a
    served() row."""
    reading = _Reading(scope)
    return reading.record(), reading.problems


def refusal(scope: DhcpScope) -> Problem:
    """Why nothing of a scope is served that shares a wire of unknown interface."""
    reading = _Reading(scope)
    reading.complain("interface", NO_INTERFACE % scope.wire)
    return reading.problems[0]


@dataclass(slots=True)
class _Reading:
    """One scope, and what is wrong with it so far."""

    scope: DhcpScope
    problems: list[Problem] = field(default_factory=list)
    option_rows: list[tuple[int, str]] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return self.scope.subnet.network

    def complain(self, field: str, reason: str) -> None:
        network = self.network
        row = HostRecord("dhcpscope", self.scope.pk, (), network[0], str(network))
        self.problems.append(Problem(row, field, reason))

    def record(self) -> ScopeRecord | None:
        scope, subnet, network = self.scope, self.scope.subnet, self.network
        if complaint := scopes.complaint_about(network.version, network.prefixlen):
            self.complain("subnet", complaint)
            return None
        pools = self.pools()
        return ScopeRecord(
            subnet_id=scope.subnet_id,
            network=network,
            lease_time=max(scope.lease_time, SHORTEST_LEASE),
            ranges=tuple(map(attrgetter("first", "last"), pools)),
            known_only=scope.known_only,
            router=self.router(),
            dns=self.same_version(scope.dns_servers or subnet.dns_servers),
            ntp=self.same_version(scope.ntp_servers),
            domain=self.domain(),
            boot_server=self.boot_server(),
            boot_file=self.boot_file(),
            further=tuple(self.further()),
            by_end=scope.by_end and (network.version, network.prefixlen) == (6, 64),
            advertises=self.advertises(),
            wire=self.wire(),
            interface=self.interface(),
            rows=(f"dhcpscope {scope.pk}", f"subnet {scope.subnet_id}"),
            pool_rows=tuple(map("pool {0.pk}".format, pools)),
            option_rows=tuple(self.option_rows),
        )

    def pools(self) -> list[Pool]:
        """The DHCP pools; the prefetched ones are gone through, not asked for again."""
        found = []
        for pool in self.scope.subnet.pools.all():
            if pool.kind == Pool.Kind.DHCP:
                found.append(pool)
        return found

    def router(self) -> Address | None:
        router = self.scope.router
        if router is None:
            router = self.scope.subnet.gateway
        if router is None or router in self.network:
            return router
        self.complain("router", f"the router {router} does not stand in {self.network}")
        return None

    def wire(self) -> Address | None:
        wire, address = self.scope.wire, self.scope.wire_address
        if wire is None:
            return None
        if address is None:
            address = wire.gateway
        if address is not None and address.version == self.network.version:
            return address
        self.complain("wire", f"nobody has an address of this IP version on the wire of {wire}")
        return None

    def interface(self) -> str:
        name = wires.interface_of(self.scope)
        if name in ("", wires.ANY):
            return ""
        if wires.is_interface(name):
            return name
        self.complain("interface", f"{name!r} is not the name of an interface")
        return ""

    def same_version(self, servers: Iterable[Any]) -> tuple[Address, ...]:
        """A subnet's DNS servers may be of both IP versions; each version of DHCP can name its own
        only."""
        return tuple(ip for ip in servers if ip.version == self.network.version)

    def domain(self) -> str:
        domain = self.scope.domain or self.scope.subnet.domain
        if not domain:
            return ""
        try:
            validate_hostname(domain)
        except ValidationError as error:
            self.complain("domain", " ".join(error.messages))
            return ""
        return domain.lower()

    def boot_server(self) -> Address | None:
        server = self.scope.boot_server
        if server and server.version == 4:
            return server
        return None

    def boot_file(self) -> str:
        text = self.scope.boot_file
        if not text or options.is_boot_file(text, self.network.version):
            return text
        self.complain("boot_file", f"dnsmasq would not hand on the boot file {text!r} unchanged")
        return ""

    def advertises(self) -> str:
        if self.network.version == 6 and self.scope.advertises in DhcpScope.Advertises.values:
            return self.scope.advertises
        return ""

    def further(self) -> Iterator[tuple[int, str]]:
        """The options by number, with their values; fills `option_rows`."""
        option: DhcpOption
        version = self.network.version
        for option in self.scope.options.all():
            try:
                options.check_number(option.number, version)
                kind = option.type or options.kind_of(option.number, version)
                value = options.encode(kind, option.value, version)
            except (ValueError, KeyError) as error:
                self.complain(f"option {option.number}", str(error))
            else:
                self.option_rows.append((option.number, f"dhcpoption {option.pk}"))
                yield option.number, value
