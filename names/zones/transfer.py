"""Zone files in and out: what an import would make, and what it made.

read (file) -> plan (a verdict for each line) -> apply (one transaction, repeatable)"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from ipam.querysets import lock_ledger
from ipam.signals import changed
from names import rules
from names.ground import Ground
from names.models import Record, Zone
from names.zones import file, serial
from names.zones.file import Entry
from names.zones.served import of_zone, served, take

NEW, KNOWN, LEFT_OUT = "new", "known", "left out"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one line."""

    entry: Entry
    kind: str
    reason: str = ""
    record: Record | None = None  # that is to be made

    @property
    def text(self) -> str:
        entry = self.entry
        what = " ".join(filter(None, (entry.name, entry.type, entry.value)))
        return f"line {entry.line}: {self.kind}: {what} {self.reason}".rstrip()


def import_zone(zone: Zone, text: str, *, apply: bool = False) -> list[Verdict]:
    """Make the records of a zone file that are not there yet. Without `apply` nothing is kept; the
    verdicts are the same."""
    entries = file.read(text, zone.name)
    with transaction.atomic():
        lock_ledger()
        verdicts = _plan(zone, entries)
        if apply:
            _write(verdicts)
    return verdicts


def _plan(zone: Zone, entries: Sequence[Entry]) -> list[Verdict]:
    known = {(one.name, one.type, one.value): one.ttl for one in served(take())}
    for one in zone.records.select_related("zone"):
        known[one.fqdn, one.type, one.value] = one.ttl
    ground = Ground.load()
    found = []
    for entry in entries:
        key = entry.name, entry.type, entry.value
        if entry.complaint:
            found.append(Verdict(entry, LEFT_OUT, entry.complaint))
        elif key in known:
            found.append(Verdict(entry, KNOWN, _other_ttl(zone, known[key], entry)))
        else:
            found.append(_judge(zone, entry, ground))
            known[key] = entry.ttl
    return found


def _other_ttl(zone: Zone, own: int | None, entry: Entry) -> str:
    """What is said where a line gives a known record another TTL; the record keeps its own."""
    present = zone.ttl if own is None else own
    if entry.ttl in (None, present):
        return ""
    return _("It keeps its TTL of %(present)d s.") % {"present": present}


def _judge(zone: Zone, entry: Entry, ground: Ground) -> Verdict:
    if not f".{entry.name}".endswith(f".{zone.name}"):
        return Verdict(entry, LEFT_OUT, _("Its name is outside the zone."))
    name = f".{entry.name}".removesuffix(f".{zone.name}").lstrip(".") or "@"
    record = Record(zone=zone, name=name, type=entry.type, value=entry.value, ttl=entry.ttl)
    try:
        record.clean_fields(exclude=["zone"])
        rules.check_record(record, ground)
    except ValidationError as error:
        return Verdict(entry, LEFT_OUT, " ".join(error.messages))
    ground.add(record)
    return Verdict(entry, NEW, record=record)


def _write(verdicts: Iterable[Verdict]) -> None:
    made = [verdict.record for verdict in verdicts if verdict.record]
    if made:
        Record.objects.bulk_create(made, batch_size=500)
        changed.send(Record, instances=made)


def export_zone(zone: Zone, server: str = "") -> str:
    """The zone as a file for another name server. `server` is its name, where the zone has no NS
    records. The serial is that of all zones, which only grows."""
    records = of_zone(zone, server, serial.current())
    return file.write(zone.name, zone.ttl, records)
