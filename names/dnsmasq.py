"""The lines of dnsmasq's configuration that names need. Pure.

They take effect when dnsmasq is restarted: a zone, a subnet's domain, and records that are not
addresses. Names of addresses stand in a file that it reads again at every reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from itertools import starmap
from pathlib import Path

from names.ledger import Names, by_name
from names.models import Record

Line = tuple[str, tuple[str, ...]]  # a directive and its fields
_PLAIN_FIELD = re.compile(r"[A-Za-z0-9/._~:@?&=+%$(){}\[\]!*-]+")
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9/._~:@?&=+%$(){}\[\]!*; -]+")


def lines(names: Names, directory: Path) -> list[Line]:
    """Without a zone there are none. `dhcp-ignore-names` without a tag: no client has the name that
    it sends. `dhcp-fqdn`: a lease has no name without a domain, which would answer for everybody;
    it needs a domain for all."""
    if not names.zones:
        return []
    found: list[Line] = [
        ("addn-hosts", (f"{directory}/names",)),
        ("dhcp-fqdn", ()),
        ("dhcp-ignore-names", ()),
        ("domain", (names.zones[0],)),
    ]
    found += [("local", (f"/{zone}/",)) for zone in names.zones]
    domains = sorted(names.domains, key=_widest_first)
    found += starmap(_domain, domains)
    found += _delegated(names)
    return [*found, *filter(None, map(record_line, names.records))]


def _delegated(names: Names) -> Iterator[Line]:
    """A domain that other servers have: dnsmasq asks those whose addresses are ours to give."""
    addresses = by_name(names)
    for record in names.records:
        if record.type == "NS" and record.fqdn not in names.zones:
            for line in addresses.get(record.value, ()):
                yield "server", (f"/{record.fqdn}/{line.ip}",)


def _widest_first(domain: tuple[str, str, bool]) -> tuple[int, int, int]:
    """Of two networks around an address, dnsmasq takes the one that stands last."""
    network = ip_network(domain[0])
    return network.version, network.prefixlen, int(network[0])


def _domain(network: str, domain: str, is_ours: bool) -> Line:
    """`local`: unknown addresses of the network have no name, and nobody else is asked."""
    if is_ours:
        return "domain", (domain, network, "local")
    return "domain", (domain, network)


def record_line(record: Record) -> Line | None:
    """The line of a record; None for one that cannot stand in dnsmasq's configuration."""
    if record.type not in _RECORDS:
        return None
    directive, fields = _RECORDS[record.type](record.fqdn, record.value)
    shape = _PLAIN_TEXT if record.type == "TXT" else _PLAIN_FIELD
    return (directive, fields) if all(map(shape.fullmatch, fields)) else None


def _mx(name: str, value: str) -> Line:
    preference, host = value.split()
    return "mx-host", (name, host, preference)


def _srv(name: str, value: str) -> Line:
    priority, weight, port, host = value.split()
    return "srv-host", (name, host, port, priority, weight)


_RECORDS: dict[str, Callable[[str, str], Line]] = {
    "CNAME": lambda name, value: ("cname", (name, value)),
    "MX": _mx,
    "SRV": _srv,
    "TXT": lambda name, value: ("txt-record", (name, value)),
    "CAA": lambda name, value: ("caa-record", (name, *value.split())),
}
