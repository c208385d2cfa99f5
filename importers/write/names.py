"""DNS zones and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from core.errors import Invalid
from importers.outcome import Verdict
from importers.records import Name, ZoneName
from importers.write.job import REFUSALS, Job, refused, saved
from ipam.signals import changed
from names import rules
from names.ground import Ground
from names.models import Record, Zone
from names.zones.served import served, take


def write_zones(job: Job, records: Sequence[ZoneName]) -> Iterator[Verdict]:
    known = {zone.name for zone in Zone.objects.all()}
    for record in records:
        name = record.name.lower().rstrip(".")
        if name in known:
            yield Verdict(record.at, "zone", name, "same")
            continue
        try:
            saved(Zone(name=name))
        except REFUSALS as error:
            yield refused(record, "zone", name, error)
            continue
        known.add(name)
        yield Verdict(record.at, "zone", name, "new")


def write_records(job: Job, records: Sequence[Name]) -> Iterator[Verdict]:
    """What is served already, also for a machine, is not made again. All are judged against what
    was read once, in the spelling that the ledger keeps."""
    zones = {zone.name: zone for zone in Zone.objects.all()}
    known = {(one.fqdn, one.type, one.value) for one in _all_records()}
    known.update((one.name, one.type, one.value) for one in served(take()))
    ground = Ground.load()
    made: list[Record] = []
    for number, record in enumerate(records):
        job.progress("names", number, len(records))
        key = f"{record.name} {record.type} {record.value}"
        try:
            row = _row(record, zones)
            row.clean_fields(exclude=["zone"])
            if (row.fqdn, row.type, row.value) in known:
                yield Verdict(record.at, "name", key, "same")
                continue
            rules.check_record(row, ground)
        except REFUSALS as error:
            yield refused(record, "name", key, error)
            continue
        known.add((row.fqdn, row.type, row.value))
        ground.add(row)
        made.append(row)
        yield Verdict(record.at, "name", key, "new")
    _store(made)


def _store(made: list[Record]) -> None:
    if made:
        Record.objects.bulk_create(made, batch_size=500)
        changed.send(Record, instances=made)


def _all_records() -> list[Record]:
    return list(Record.objects.select_related("zone"))


def _row(record: Name, zones: dict[str, Zone]) -> Record:
    """The record in the longest zone around its name. Raises Invalid."""
    labels = record.name.split(".")
    for start in range(len(labels)):
        zone = zones.get(".".join(labels[start:]))
        if zone is not None:
            name = ".".join(labels[:start]) or "@"
            return Record(zone=zone, name=name, type=record.type, value=record.value)
    raise Invalid(_("No zone of the ledger has this name."))
