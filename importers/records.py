"""What every reader yields: plain frozen records, each with its place in the source.

An empty field says nothing. Texts are as the source has them; `importers.write` makes them fit."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from core.errors import Invalid
from importers.source import LONGEST
from ipam.addresses import Address, Network

MOST_RECORDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """`at` is the place in the source, as in `dhcpd.conf:12`."""

    at: str


@dataclass(frozen=True, slots=True)
class LeftOut(Record):
    """What has no place in the ledger, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Vrf(Record):
    name: str
    rd: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Net(Record):
    """A subnet."""

    network: Network
    vrf: str = ""
    name: str = ""
    description: str = ""
    gateway: Address | None = None
    vlan_id: int | None = None
    dns_servers: tuple[Address, ...] = ()
    domain: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Range(Record):
    """A pool; it belongs to the most specific subnet around it."""

    first: Address
    last: Address
    kind: str  # static or dhcp
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class Scope(Record):
    """That DHCP serves a subnet, and how."""

    network: Network
    lease_time: int | None = None
    known_only: bool = False
    router: Address | None = None
    dns_servers: tuple[Address, ...] = ()
    ntp_servers: tuple[Address, ...] = ()
    domain: str = ""
    boot_server: Address | None = None
    boot_file: str = ""
    advertises: str = ""
    interface: str = ""
    wire: Network | None = None  # the subnet whose wire it shares
    wire_address: Address | None = None  # of dnsmasq or the relay there


@dataclass(frozen=True, slots=True)
class Option(Record):
    """A further DHCP option of a scope; an empty type is the one of its number."""

    network: Network
    number: int
    value: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Card(Record):
    """A further interface of a machine, or a further address of one."""

    name: str
    mac: str | None = None
    ip: Address | None = None
    duid: str = ""


@dataclass(frozen=True, slots=True)
class Machine(Record):
    """A server with its own address and MAC address, and its further interfaces."""

    hostname: str
    vrf: str = ""
    ip: Address | None = None
    mac: str | None = None
    device_type: str = ""
    manufacturer: str = ""
    description: str = ""
    location: str = ""
    lan_port: str = ""
    enabled: bool = True
    when_disabled: str = ""
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Held(Record):
    """An address that somebody has, without a machine: allocated, reserved or in quarantine."""

    ip: Address
    vrf: str = ""
    status: str = "reserved"
    hostname: str = ""
    mac: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ZoneName(Record):
    """A DNS zone whose names are ours."""

    name: str


@dataclass(frozen=True, slots=True)
class Name(Record):
    """A DNS record: its whole name, type and value."""

    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Lease(Record):
    """A lease that another server has given."""

    ip: Address
    until: datetime
    mac: str | None = None
    hostname: str = ""
    duid: str = ""


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Records:
    """All records of a source, by their kind, in its order."""

    by_kind: dict[type[Record], tuple[Any, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Records:
        """Raises Invalid when there are too many, or reading takes too long."""
        found: dict[type[Record], list[Record]] = defaultdict(list)
        for record in bounded(records):
            found[type(record)].append(record)
        return cls({kind: tuple(rows) for kind, rows in found.items()})

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """The records of one kind."""
        return self.by_kind.get(kind, ())

    def __len__(self) -> int:
        return sum(map(len, self.by_kind.values()))


def bounded(records: Iterable[R]) -> Iterator[R]:
    """The records, as long as they are not too many and reading does not take too long."""
    end = time.monotonic() + LONGEST
    for number, record in enumerate(records):
        if number >= MOST_RECORDS:
            raise Invalid(_("The source has more than %d records.") % MOST_RECORDS, _("Split it."))
        if time.monotonic() > end:
            raise Invalid(_("Reading the source took more than %d s.") % LONGEST, _("Split it."))
        yield record
