"""The network interfaces that a dnsmasq can see, and on which of them it answers DHCP requests.

The kernel shows the network namespace of any process in /proc/PID/net, without a privilege."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from pathlib import Path

from dhcp.daemon.options import Option
from ipam.addresses import Address, Network

_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL")
_UP = 1  # a route's flag
LOOPBACK = "lo"


@dataclass(slots=True)
class Interface:
    """One interface that is up, with its addresses."""

    name: str
    addresses: list[Address] = field(default_factory=list)

    def is_in(self, network: Network) -> bool:
        return any(ip in network for ip in self.addresses)

    def is_called(self, pattern: str) -> bool:
        """A `*` at the end is any ending."""
        if pattern.endswith("*"):
            return self.name.startswith(pattern[:-1])
        return pattern == self.name


@dataclass(frozen=True, slots=True)
class Choice:
    """Which interfaces dnsmasq uses, by its configuration (dnsmasq(8), --interface)."""

    options: tuple[Option, ...]

    @classmethod
    def of(cls, options: Iterable[Option]) -> Choice:
        return cls(tuple(options))

    def obstacle(self, interface: Interface, version: int) -> Option | str:
        """The option that keeps it from serving DHCP there, or `interface` where all of them name
        other ones; empty when it serves."""
        if not self._is_named(interface):
            return "interface"
        by_address = self._has_address(interface)
        for option, pattern in self._values(*_excluding(version)):
            if interface.is_called(pattern) and (option.name in _DHCP or not by_address):
                return option
        return ""

    def _is_named(self, interface: Interface) -> bool:
        names, addresses = self._words("interface") - {""}, self._words("listen-address")
        if not names | addresses:
            return True
        return self._has_address(interface) or any(map(interface.is_called, names))

    def _has_address(self, interface: Interface) -> bool:
        return not self._words("listen-address").isdisjoint(map(str, interface.addresses))

    def _words(self, name: str) -> set[str]:
        return {word for _option, word in self._values(name)}

    def _values(self, *names: str) -> Iterator[tuple[Option, str]]:
        for option in self.options:
            if option.name in names:
                for word in option.value.split(","):
                    yield option, word.strip()


_DHCP = ("no-dhcp-interface", "no-dhcpv4-interface", "no-dhcpv6-interface")


def _excluding(version: int) -> tuple[str, ...]:
    return ("except-interface", "no-dhcp-interface", f"no-dhcpv{version}-interface")


def interfaces(network: Path) -> list[Interface]:
    """Those of a namespace (`/proc/PID/net`). Raises OSError where it cannot be seen."""
    found: dict[str, Interface] = {}
    for name, ip in [*_v4(network), *_v6(network)]:
        found.setdefault(name, Interface(name)).addresses.append(ip)
    found.pop(LOOPBACK, None)
    return list(found.values())


def _v4(network: Path) -> Iterator[tuple[str, Address]]:
    """The kernel lists addresses without their interfaces; the route of each one's network has
    it."""
    routes = list(_routes((network / "route").read_text()))
    for text in sorted(set(_LOCAL.findall((network / "fib_trie").read_text()))):
        ip = IPv4Address(text)
        fitting = [(route.prefixlen, name) for route, name in routes if ip in route]
        if fitting:
            yield max(fitting)[1], ip


def _routes(text: str) -> Iterator[tuple[IPv4Network, str]]:
    """The networks that interfaces stand in: no gateway leads there."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 8 or int(words[2], 16) or not int(words[3], 16) & _UP:
            continue
        network, mask = _swapped(words[1]), _swapped(words[7])
        if int(mask):
            yield IPv4Network(f"{network}/{mask}", strict=False), words[0]


def _swapped(digits: str) -> IPv4Address:
    """The kernel prints the bytes of this machine's order."""
    return IPv4Address(bytes.fromhex(digits)[::-1])


def _v6(network: Path) -> Iterator[tuple[str, Address]]:
    with suppress(FileNotFoundError):  # a kernel without IPv6
        for line in (network / "if_inet6").read_text().splitlines():
            words = line.split()
            ip = ip_address(bytes.fromhex(words[0]))
            assert isinstance(ip, IPv6Address)
            if not ip.is_link_local:
                yield words[-1], ip
