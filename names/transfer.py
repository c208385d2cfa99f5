"""Zone files in and out: what an import would make, and what it made.

read (zone_file) -> plan (a verdict for each line) -> apply (one transaction, repeatable)"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from ipam.models import Subnet
from names import ledger, zone_file
from names.models import Record, Zone
from names.zone_file import Entry

NEW, KNOWN, LEFT_OUT = "new", "known", "left out"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one line."""

    entry: Entry
    kind: str
    reason: str = ""

    @property
    def text(self) -> str:
        entry = self.entry
        what = " ".join(filter(None, (entry.name, entry.type, entry.value)))
        return f"line {entry.line}: {self.kind}: {what} {self.reason}".rstrip()


def import_zone(zone: Zone, text: str, *, apply: bool = False) -> list[Verdict]:
    """Make the records of a zone file that are not there yet. Without `apply` nothing is kept; the
    verdicts are the same."""
    entries = zone_file.read(text, zone.name)
    with transaction.atomic():
        verdicts = _plan(zone, entries)
        transaction.set_rollback(not apply)
    return verdicts


def _plan(zone: Zone, entries: Sequence[Entry]) -> list[Verdict]:
    known = {(one.fqdn, one.type, one.value) for one in zone.records.select_related("zone")}
    known.update(served())
    found = []
    for entry in entries:
        key = entry.name, entry.type, entry.value
        if entry.complaint:
            found.append(Verdict(entry, LEFT_OUT, entry.complaint))
        elif key in known:
            found.append(Verdict(entry, KNOWN))
        else:
            found.append(_make(zone, entry))
            known.add(key)
    return found


def _make(zone: Zone, entry: Entry) -> Verdict:
    name = f".{entry.name}".removesuffix(f".{zone.name}").lstrip(".") or "@"
    if not f".{entry.name}".endswith(f".{zone.name}"):
        return Verdict(entry, LEFT_OUT, _("Its name is outside the zone."))
    record = Record(zone=zone, name=name, type=entry.type, value=entry.value)
    try:
        with transaction.atomic():
            record.save()
    except ValidationError as error:
        return Verdict(entry, LEFT_OUT, " ".join(error.messages))
    return Verdict(entry, NEW)


def served() -> Iterable[tuple[str, str, str]]:
    """Name, type and value of every record that is served, those of machines included."""
    names = ledger.take(list(Subnet.objects.in_vrf(None)))
    for line in names.lines:
        yield line.fqdn, ("A" if line.ip.version == 4 else "AAAA"), str(line.ip)
    for record in names.records:
        yield record.fqdn, record.type, record.value


def export_zone(zone: Zone, server: str) -> str:
    """The zone as a file for another name server, of which `server` is the name. The serial is the
    time, so that it only grows."""
    inside = [one for one in served() if f".{one[0]}".endswith(f".{zone.name}")]
    return zone_file.write(zone.name, inside, server, int(time.time()))
