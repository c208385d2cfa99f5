"""The lines of dnsmasq's configuration that names need. Pure.

They take effect when dnsmasq is restarted: a zone, a subnet's domain, and records that are not
addresses. Names of addresses stand in a file that it reads again at every reload."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from itertools import starmap
from pathlib import Path

from names.ledger import Names
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
    return [*found, *filter(None, map(record_line, filter(Aliases(names).allow, names.records)))]


class Aliases:
    """Which CNAMEs dnsmasq gets: it starts with none that has a name twice, or that leads back to
    itself; and a machine that got the name later keeps it."""

    def __init__(self, names: Names) -> None:
        self._held = {line.fqdn for line in names.lines}
        self._records: dict[str, Record] = {}
        for record in filter(_is_alias, names.records):
            self._records.setdefault(record.fqdn, record)

    def allow(self, record: Record) -> bool:
        if not _is_alias(record):
            return True
        is_first = self._records[record.fqdn] is record
        return is_first and record.fqdn not in self._held and not self._leads_back(record)

    def _leads_back(self, record: Record) -> bool:
        passed: set[str] = set()
        name = record.fqdn
        while name in self._records and name not in passed:
            passed.add(name)
            name = self._records[name].value
        return name in passed


def _is_alias(record: Record) -> bool:
    return record.type == "CNAME"


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
