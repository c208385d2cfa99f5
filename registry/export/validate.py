"""Validate services for export: which services may be written, and under which names.

A service id becomes one DNS label (RFC 1123: 63 lower-case letters, digits and hyphens). The
service's name becomes the label of its group: all services with that name, which share the load.
A service that is not valid is left out with a reason. Nothing here raises, and no text passes
unchecked."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from ipam.addresses import Address
from registry.records import ServiceRecord
from registry.rules import is_port

PROTOCOLS = ("tcp", "udp")
STATUSES = ("active", "inactive", "restarting")
HTTP_TYPES = ("web", "api")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SEPARATORS = re.compile(r"[ ._:@+~-]+")

# The reason why a format cannot hold a service; empty when it can.
Condition = Callable[[ServiceRecord], str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a service is left out, or is written under its id alone (field "name") or without its
    "dependencies"."""

    service_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid service. `id` and `group` are DNS labels, `needs` the ids of its dependencies that
    are valid too, `ip` the address at which others reach it."""

    id: str
    group: str
    ip: Address
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
        """The port on which the service itself listens."""
        return self.record.container_port or self.port

    @property
    def socket(self) -> str:
        """`10.0.0.5:8000`, `[fd00::5]:8000`."""
        return self.record.socket

    @property
    def speaks_http(self) -> bool:
        """Whether it may be published on the web: databases and the like must not be."""
        return self.record.type in HTTP_TYPES and self.protocol == "tcp"


@dataclass(frozen=True, slots=True)
class ValidServices:
    """The valid services, sorted by id, and the ones that are left out."""

    entries: list[Entry] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def groups(self) -> dict[str, list[Entry]]:
        """The entries of each group, both in order."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            found[entry.group].append(entry)
        return dict(sorted(found.items()))

    def leave_out(self, entries: Iterable[Entry], field: str, reason: str) -> None:
        """Report that the format does not write these."""
        for entry in entries:
            self.left_out.append(LeftOut(entry.record.service_id, field, reason))


def label(text: str) -> str:
    """The DNS label for a service's id or name. Raises ValueError with the reason."""
    if not text.isascii():  # before lower(), which turns the Kelvin sign into an ASCII k
        raise ValueError("is not ASCII")
    found = _SEPARATORS.sub("-", text.lower()).strip("-")
    if len(found) > 63:
        raise ValueError("is longer than the 63 characters of a DNS label")
    if not _LABEL.fullmatch(found):
        raise ValueError("may hold letters, digits and . _ - only")
    return found


def validate(records: Iterable[ServiceRecord], *conditions: Condition) -> ValidServices:
    """Validate the services; `conditions` are the further conditions of a format."""
    left_out: list[LeftOut] = []
    valid: dict[str, ServiceRecord] = {}
    for record in sorted(records, key=_order):
        problem = _problem(record, conditions, valid)
        if problem:
            left_out.append(problem)
        else:
            valid[label(record.service_id)] = record
    groups = _groups(valid, left_out)
    labels = {record.service_id: own for own, record in valid.items()}
    entries = [_entry(own, groups[own], record, labels) for own, record in sorted(valid.items())]
    return ValidServices(entries, left_out)


def _order(record: ServiceRecord) -> tuple[str, ...]:
    return (record.service_id, record.protocol, str(record.ip), str(record.port), record.name)


def _entry(own: str, group: str, record: ServiceRecord, labels: dict[str, str]) -> Entry:
    needs = {labels[other] for other in record.dependencies if other in labels}
    return Entry(
        own,
        group,
        record.address,
        record.port,
        record.protocol,
        record.status,
        record,
        tuple(sorted(needs - {own})),
    )


def _problem(
    record: ServiceRecord, conditions: Iterable[Condition], valid: dict[str, ServiceRecord]
) -> LeftOut | None:
    try:
        own = label(record.service_id)
    except ValueError as error:
        return LeftOut(record.service_id, "service_id", f"its id {error}")
    if own in valid:
        return LeftOut(record.service_id, "service_id", f"{own} is already {valid[own].service_id}")
    for condition in (_valid_values, *conditions):
        reason = condition(record)
        if reason:
            return LeftOut(record.service_id, "ip", reason)
    return None


def _valid_values(record: ServiceRecord) -> str:
    for ip in (record.ip, record.address):
        if not isinstance(ip, IPv4Address | IPv6Address):
            return "it has no IP address"
        if getattr(ip, "scope_id", None):  # the text after % may be anything, even a line break
            return "its address carries a zone"
    ports = {record.port, record.container_port} - {None}
    if not is_port(record.port) or not all(map(is_port, ports)):
        return "a port is a number from 1 to 65535"
    if record.protocol not in PROTOCOLS:
        return "its protocol is neither tcp nor udp"
    if record.status not in STATUSES:
        return "its status is unknown"
    return ""


def _groups(valid: dict[str, ServiceRecord], left_out: list[LeftOut]) -> dict[str, str]:
    """The group of each entry. A label belongs to the first service that uses it, as id or name."""
    groups: dict[str, str] = {}
    owners: dict[str, str] = {}
    for own, record in valid.items():
        owners[own] = record.name
    for own, record in valid.items():
        try:
            groups[own] = _group_label(record.name, owners)
        except ValueError as error:
            left_out.append(LeftOut(record.service_id, "name", str(error)))
            groups[own] = own
    return groups


def _group_label(name: str, owners: dict[str, str]) -> str:
    """Raises ValueError when the label of this name is not valid or means another service."""
    try:
        wanted = label(name)
    except ValueError as error:
        raise ValueError(f"its name {error}") from error
    if owners.setdefault(wanted, name) != name:
        raise ValueError(f"{wanted} already means another service")
    return wanted


# --- conditions that formats share ----------------------------------------------------------------


def reachable(record: ServiceRecord) -> str:
    """The address belongs to one host."""
    if record.address.is_unspecified or record.address.is_multicast:
        return f"{record.address} is not one host's address"
    return ""


def speaks_tcp(record: ServiceRecord) -> str:
    """The service uses TCP."""
    if record.protocol != "tcp":
        return "it does not speak TCP"
    return ""
