"""Addresses without a machine, many at a time: each is judged by the ledger's rules, against what
was read once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Invalid
from importers.outcome import Verdict
from importers.records import Held
from importers.write.job import Job, compared, fitted, not_kept, refused, said
from ipam import rules
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server
from ipam.placement import address_rows
from ipam.placement.index import Key, PlacementIndex
from ipam.signals import changed

_AT_ONCE = 500
_COLUMNS = ("hostname", "mac_address", "description", "status", "server_id", "vm_id", "pk")
_COMPARED = ("hostname", "mac_address", "description")
_RELATIONS = {"vrf", "subnet", "server"}


@dataclass(frozen=True, slots=True)
class _Present:
    """What the ledger says of an address."""

    hostname: str
    mac_address: str | None
    description: str
    status: str
    server_id: int | None
    vm_id: str | None
    pk: int


@dataclass
class _Around:
    """What is around the addresses, read once."""

    index: PlacementIndex
    rows: dict[Key, _Present]
    macs: dict[tuple[int | None, int, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Sequence[Key], records: Sequence[Held]) -> _Around:
        around = cls(PlacementIndex.of(keys), _rows(keys))
        if any(record.mac for record in records):
            around.macs = _macs()
        return around


def write(job: Job, records: Sequence[Held]) -> Iterator[Verdict]:
    """Judge the records, and write the new ones together."""
    placed, verdicts = _placed(job, records)
    around = _Around.of([key for key, _record in placed], records)
    new: list[IPAddress] = []
    taken: list[IPAddress] = []
    for number, (key, record) in enumerate(placed):
        if number % _AT_ONCE == 0:
            job.progress("addresses", number, len(placed))
        verdict, row = _judged(key, record, around)
        verdicts.append(verdict)
        if row is not None:
            (taken if row.pk else new).append(row)
    _store(new, taken)
    yield from verdicts


def _placed(job: Job, records: Sequence[Held]) -> tuple[list[tuple[Key, Held]], list[Verdict]]:
    """The records with their places; of those whose VRF is not there, the refusals."""
    placed: list[tuple[Key, Held]] = []
    refusals: list[Verdict] = []
    for record in records:
        try:
            placed.append(((job.vrf_id(record.vrf), record.ip), record))
        except Invalid as error:
            refusals.append(refused(record, "address", record.ip, error))
    return placed, refusals


def _rows(keys: Sequence[Key]) -> dict[Key, _Present]:
    """What the ledger says of the addresses: one query for each IP version."""
    found: dict[Key, _Present] = {}
    wanted = set(keys)
    ordered = sorted(map(itemgetter(1), wanted), key=_order)
    for _version, group in groupby(ordered, attrgetter("version")):
        ips = list(group)
        rows = IPAddress.objects.between(ips[0], ips[-1])
        for vrf, ip, *columns in rows.values_list("vrf_id", "ip_address", *_COLUMNS).iterator():
            if (vrf, ip) in wanted:
                found[vrf, ip] = _Present(*columns)
    return found


def _order(ip: Address) -> tuple[int, int]:
    return ip.version, int(ip)


def _macs() -> dict[tuple[int | None, int, str], str]:
    """Who has each MAC address: servers of both IP versions, allocations of their own."""
    found: dict[tuple[int | None, int, str], str] = {}
    servers = Server.objects.exclude(mac_address=None)
    cards = Interface.objects.exclude(mac_address=None)
    rows = [
        *servers.values_list("vrf_id", "mac_address", "hostname"),
        *cards.values_list("server__vrf_id", "mac_address", "server__hostname"),
    ]
    for vrf, mac, hostname in rows:
        found[vrf, 4, mac] = found[vrf, 6, mac] = hostname
    held = IPAddress.objects.allocations().values_list("vrf_id", "ip_address", "mac_address")
    for vrf, ip, mac in held:
        assert mac is not None
        found[vrf, ip.version, mac] = str(ip)
    return found


def _judged(key: Key, record: Held, around: _Around) -> tuple[Verdict, IPAddress | None]:
    """The verdict on a record, and the row to be written if it is new."""
    present = around.rows.get(key)
    if present and present.status != "available":
        return _compared(record, present), None
    row = IPAddress(vrf_id=key[0], ip_address=key[1])
    values = said(record, "hostname")
    values |= {"mac_address": record.mac, "description": record.note, "status": record.status}
    fit, reasons = fitted(IPAddress, values)
    for name, value in fit.items():
        setattr(row, name, value)
    reasons += _mac_refused(key, row, around)
    errors = _errors(key, row, around)
    if errors:
        error = ValidationError(dict(errors))
        return refused(record, "address", record.ip, error), None
    row.pk = present.pk if present else None
    around.rows[key] = _Present(
        row.hostname, row.mac_address, row.description, row.status, None, None, 0
    )
    return Verdict(record.at, "address", str(record.ip), "new", tuple(reasons)), row


def _compared(record: Held, present: _Present) -> Verdict:
    """An address that a machine holds says what the machine says; only its note is compared."""
    values: dict[str, Any] = said(record, "hostname")
    values |= {"mac_address": record.mac, "description": record.note}
    if present.server_id:
        values = {"description": record.note}
    else:
        values["status"] = record.status
    fit, _cut = fitted(IPAddress, values)
    kept = {name: value for name, value in fit.items() if value}
    return compared(record, "address", record.ip, present, kept)


def _mac_refused(key: Key, row: IPAddress, around: _Around) -> list[str]:
    """Take a MAC address from an allocation that somebody else has already, and say so."""
    if not row.mac_address:
        return []
    place = key[0], key[1].version, row.mac_address
    holder = around.macs.setdefault(place, str(row.ip_address))
    if holder == str(row.ip_address):
        return []
    reason = not_kept("mac_address", row.mac_address, _("%s has it.") % holder)
    row.mac_address = None
    return [reason]


def _errors(key: Key, row: IPAddress, around: _Around) -> rules.Errors:
    errors: rules.Errors = defaultdict(list)
    try:
        row.clean_fields(exclude=_RELATIONS)
    except ValidationError as error:
        errors.update(error.message_dict)
    row.subnet = around.index.subnet(key)
    before = (row.description, "reserved")  # a note is written while the address is reserved
    rules.check_placed_address(row, before, around.index.pool(key), errors)
    return errors


def _store(new: Sequence[IPAddress], taken: Sequence[IPAddress]) -> None:
    """Write the rows, those that were free by their keys, and tell who must know."""
    for rows in _chunks(new):
        address_rows.create(rows)
    for rows in _chunks(taken):
        address_rows.update(rows)
    written = [*new, *taken]
    if written:
        changed.send(IPAddress, instances=written)


def _chunks(rows: Sequence[IPAddress]) -> Iterator[Sequence[IPAddress]]:
    for start in range(0, len(rows), 2000):
        yield rows[start : start + 2000]
