"""Leases that another server has given, as sightings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from dhcp.leases.ingest import KEPT, ingest
from dhcp.leases.lease_file import LeaseRecord
from importers.outcome import Verdict
from importers.records import Lease
from importers.write.job import Job, compared
from ipam.models import Sighting

_ORIGIN = "import"


def write(job: Job, records: Sequence[Lease]) -> Iterator[Verdict]:
    """Compare the leases with those of former imports. One that ended long ago has no place."""
    old = timezone.now() - KEPT
    rows = list(_rows())
    known = dict(zip(map(_key, rows), rows, strict=True))
    ours = filter(_is_imported, rows)
    kept = {lease.key: lease for lease in map(_of_row, ours)}
    for record in records:
        lease = _of_record(record)
        key = " ".join(map(str, lease.key))
        if record.until < old:
            yield Verdict(record.at, "lease", key, "left out", (_("It ended long ago."),))
        elif lease.key in known:
            values = {"leased_until": lease.until, "hostname": lease.hostname}
            yield compared(record, "lease", key, known[lease.key], values)
        else:
            kept[lease.key] = lease
            yield Verdict(record.at, "lease", key, "new")
    ingest(kept.values(), origin=_ORIGIN)


def _rows() -> Iterator[Sighting]:
    rows = Sighting.objects.filter(vrf=None, source=Sighting.Source.LEASE)
    return rows.exclude(leased_until=None).iterator()


def _is_imported(row: Sighting) -> bool:
    return row.origin == _ORIGIN


def _key(row: Sighting) -> tuple[object, str]:
    return _of_row(row).key


def _of_row(row: Sighting) -> LeaseRecord:
    assert row.leased_until is not None
    return LeaseRecord(row.ip_address, row.mac_address, row.leased_until, row.hostname, row.duid)


def _of_record(record: Lease) -> LeaseRecord:
    hostname = record.hostname[:255]
    duid = record.duid[:767]
    return LeaseRecord(record.ip, record.mac, record.until, hostname, duid)
