"""Decide which services may be written down elsewhere, and under which names: the others are left
out by name.

A service id becomes one DNS label (RFC 1123, 63 small letters, digits and hyphens); its name
becomes the label of the group of all services with that name, which share load. Nothing here
raises, and no text goes on unchecked."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from ipam.addresses import Address
from registry.records import ServiceRecord

PROTOCOLS = ("tcp", "udp")
STATUSES = ("active", "inactive", "restarting")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_JOINTS = re.compile(r"[ ._:@+~-]+")

Flaw = Callable[[ServiceRecord], str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a service is not written, or written under its id alone (field "name") or without its
    "dependencies"."""

    service_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A service that may be written: every value has been checked. `id` and `group` are DNS labels,
    `needs` are the ids of its dependencies that are written too."""

    id: str
    group: str
    ip: Address  # where it is called
    port: int
    protocol: str
    status: str
    record: ServiceRecord
    needs: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        return self.status == "active"

    @property
    def container_port(self) -> int:
        """Where it listens itself."""
        return self.record.container_port or self.port

    @property
    def socket(self) -> str:
        """`10.0.0.5:8000`, `[fd00::5]:8000`."""
        return self.record.socket


@dataclass(frozen=True, slots=True)
class Sifted:
    """What may be written, sorted by id, and what was wrong with the rest."""

    entries: list[Entry] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def groups(self) -> dict[str, list[Entry]]:
        """The entries of each group, both in order."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            found[entry.group].append(entry)
        return dict(sorted(found.items()))


def label(text: str) -> str:
    """The DNS label for a service's id or name. Raises ValueError with the reason when there is
    none."""
    if not text.isascii():  # before lower(): the Kelvin sign, for one, becomes an ASCII k by it
        raise ValueError("is not ASCII")
    found = _JOINTS.sub("-", text.lower()).strip("-")
    if len(found) > 63:
        raise ValueError("is longer than the 63 characters of a DNS label")
    if not _LABEL.fullmatch(found):
        raise ValueError("may hold letters, digits and . _ - only")
    return found


def sift(records: Iterable[ServiceRecord], *flaws: Flaw) -> Sifted:
    """The records that have no flaw, in the order of their labels. `flaws` are a format's further
    conditions."""
    left_out: list[LeftOut] = []
    taken: dict[str, ServiceRecord] = {}
    for record in sorted(records, key=_order):
        problem = _problem(record, flaws, taken)
        if problem:
            left_out.append(problem)
        else:
            taken[label(record.service_id)] = record
    groups = _groups(taken, left_out)
    labels = {record.service_id: own for own, record in taken.items()}
    entries = [_entry(own, groups[own], record, labels) for own, record in sorted(taken.items())]
    return Sifted(entries, left_out)


def _order(record: ServiceRecord) -> tuple[str, ...]:
    return (record.service_id, record.protocol, str(record.ip), str(record.port), record.name)


def _entry(own: str, group: str, record: ServiceRecord, labels: dict[str, str]) -> Entry:
    needs = sorted({labels[other] for other in record.dependencies if other in labels} - {own})
    return Entry(
        own,
        group,
        record.address,
        record.port,
        record.protocol,
        record.status,
        record,
        tuple(needs),
    )


def _problem(
    record: ServiceRecord, flaws: Iterable[Flaw], taken: dict[str, ServiceRecord]
) -> LeftOut | None:
    try:
        own = label(record.service_id)
    except ValueError as error:
        return LeftOut(record.service_id, "service_id", f"its id {error}")
    if own in taken:
        return LeftOut(record.service_id, "service_id", f"{own} is already {taken[own].service_id}")
    for flaw in (_wrong_value, *flaws):
        if reason := flaw(record):
            return LeftOut(record.service_id, "ip", reason)
    return None


def _wrong_value(record: ServiceRecord) -> str:
    for ip in (record.ip, record.address):
        if not isinstance(ip, IPv4Address | IPv6Address):
            return "it has no IP address"
        # The text after % may be anything at all, a line break too.
        if isinstance(ip, IPv6Address) and ip.scope_id:
            return "its address carries a zone"
    if not _is_port(record.port) or not (
        record.container_port is None or _is_port(record.container_port)
    ):
        return "a port is a number from 1 to 65535"
    if record.protocol not in PROTOCOLS:
        return "its protocol is neither tcp nor udp"
    return "" if record.status in STATUSES else "its status is unknown"


def _is_port(value: object) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _groups(taken: dict[str, ServiceRecord], left_out: list[LeftOut]) -> dict[str, str]:
    """Each entry's group. A name is left to whoever used its label first, as an id or as a name."""
    groups: dict[str, str] = {}
    owners = {own: record.name for own, record in taken.items()}
    for own, record in taken.items():
        try:
            wanted = label(record.name)
        except ValueError as error:
            left_out.append(LeftOut(record.service_id, "name", f"its name {error}"))
            wanted = own
        if owners.setdefault(wanted, record.name) != record.name:
            left_out.append(
                LeftOut(record.service_id, "name", f"{wanted} already means another service")
            )
            wanted = own
        groups[own] = wanted
    return groups


# --- conditions that formats share ----------------------------------------------------------------


def unreachable(record: ServiceRecord) -> str:
    """Nobody can be sent to this address."""
    nobody = record.address.is_unspecified or record.address.is_multicast
    return f"{record.address} is not one host's address" if nobody else ""


def not_tcp(record: ServiceRecord) -> str:
    return "" if record.protocol == "tcp" else "it does not speak TCP"
