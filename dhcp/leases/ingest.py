"""Read a lease file when it has changed, and store its leases as sightings and as intervals.

The whole file is compared with the stored sightings, so a reading may be lost or repeated without
harm."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from dhcp.leases import missing
from dhcp.leases.intervals.record import Changes
from dhcp.leases.lease_file import (
    LeaseRecord,
    file_mark,
    is_garbage,
    parse_leases,
    read_stable,
)
from dhcp.models import DhcpServer
from ipam import freeze
from ipam.addresses import Address
from ipam.models import Sighting
from ipam.querysets import write

logger = logging.getLogger("dhcp.leases")

EVERY = 2.0  # seconds between two polls of the file
REST = 10  # reading a busy file takes at most a tenth of the time
KEPT = timedelta(days=90)  # a sighting is deleted so long after its lease has ended
_WRITTEN = ("seen_at", "leased_until", "missing_since", "hostname", "duid", "origin")
_AT_ONCE = 500  # parameters in one statement

Key = tuple[Address, str]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a reading changed in the ledger."""

    new: int = 0
    renewed: int = 0
    ended: int = 0
    lost: int = 0  # not ended, but no longer in the file

    def __bool__(self) -> bool:
        return bool(self.new or self.renewed or self.ended)


def ingest(
    leases: Iterable[LeaseRecord], now: datetime | None = None, origin: str = ""
) -> Ingested:
    """Make the lease sightings of one DHCP server (`origin`) match its lease file. A lease that is
    no longer in the file ends now; many at once stay, and are told (dhcp/leases/missing.py).

    A lease in two files, as after a subnet moved from one server to another, belongs to the file
    that gives it the later end."""
    now = now or timezone.now()
    rows = Sighting.objects.filter(vrf=None, source=Sighting.Source.LEASE)
    known = {_key(row): row for row in rows.filter(origin=origin)}
    current = {lease.key: lease for lease in leases}
    live = list(filter(missing.is_live(now), known.values()))
    _resolve_doubles(current, known, rows.exclude(origin=origin))
    new, renewed, ended = [], [], []
    for key, lease in current.items():
        row = known.pop(key, None)
        if row is None:
            new.append(_new_sighting(lease, now, origin))
        elif _differs(row, lease, origin):
            _renew(row, lease, now, origin)
            renewed.append(row)
    gone = [row for row in live if _key(row) in known]
    lost = missing.lost(gone, len(live), current.values())
    for row in gone:
        if row in lost:
            row.missing_since = row.missing_since or now
        else:
            row.leased_until = now
            ended.append(row)
    with transaction.atomic():
        # Another worker may create the same rows: in one order, so that one of them waits.
        Sighting.objects.bulk_create(sorted(new, key=_key_text), ignore_conflicts=True)
        write([*renewed, *ended, *lost], _WRITTEN)
        Changes(current, [*new, *renewed], ended, now).record()
        Sighting.objects.filter(source=Sighting.Source.LEASE, leased_until__lt=now - KEPT).delete()
    return Ingested(len(new), len(renewed), len(ended), len(lost))


class LeaseFileWatcher:
    """Reads one lease file now and then, when it has changed. `now` is a monotonic clock."""

    def __init__(
        self, path: Path, now: Callable[[], float] = time.monotonic, origin: str = ""
    ) -> None:
        self.path = path
        self.origin = origin
        self.now = now
        self.seen: tuple[object, ...] | None = None
        self.not_before = now()
        self.reported = ""

    def poll(self) -> Ingested:
        """Read the file if it has changed. Errors are logged once and never raised: the caller has
        more important things to do. The next poll tries again."""
        started = self.now()
        if started < self.not_before:
            return Ingested()
        try:
            return self._read_changed()
        except FileNotFoundError:
            pass  # no lease yet, or dnsmasq is on another host; known leases end by themselves
        except OSError as error:
            self._report(f"{error.filename}: {error.strerror}")
        except DatabaseError as error:
            self._report(str(error).strip())
        except Exception:
            logger.exception("a bug; the leases are read again later")
        finally:
            self.not_before = self.now() + max(EVERY, REST * (self.now() - started))
        return Ingested()

    def _read_changed(self) -> Ingested:
        frozen = freeze.state()
        # A restored ledger has lost what was read before, so its state is part of the mark.
        mark = (*file_mark(self.path), frozen)
        if mark == self.seen:
            return Ingested()
        data = read_stable(self.path)
        if is_garbage(data):
            raise OSError(None, "it holds no leases but other lines", str(self.path))
        changed = ingest(parse_leases(data), origin=self.origin)
        if frozen and self.origin:
            DhcpServer.objects.filter(name=self.origin).update(compared_at=timezone.now())
        self.seen, self.reported = mark, ""
        if changed:
            logger.info(
                "leases: %d new, %d renewed, %d ended", changed.new, changed.renewed, changed.ended
            )
        return changed

    def _report(self, text: str) -> None:
        if text != self.reported:
            logger.error("cannot read the leases: %s", text)
        self.reported = text


def _key(row: Sighting) -> Key:
    return (row.ip_address, row.mac_address or row.duid)


def _key_text(row: Sighting) -> str:
    return f"{row.ip_address} {row.mac_address or row.duid}"


def _resolve_doubles(
    current: dict[Key, LeaseRecord], known: dict[Key, Sighting], others: QuerySet[Sighting]
) -> None:
    """Of leases that other servers have as well: drop those that last longer there, and count the
    rows of the rest as this server's."""
    unknown = [lease.ip for key, lease in current.items() if key not in known]
    for row in _with_addresses(others, unknown):
        key = _key(row)
        lease = current.get(key)
        if lease is None:
            continue
        if row.leased_until and row.leased_until > lease.until:
            del current[key]
        else:
            known[key] = row


def _with_addresses(rows: QuerySet[Sighting], ips: Sequence[Address]) -> Iterator[Sighting]:
    if not ips or not rows.exists():
        return
    for start in range(0, len(ips), _AT_ONCE):
        yield from rows.filter(ip_address__in=ips[start : start + _AT_ONCE])


def _new_sighting(lease: LeaseRecord, now: datetime, origin: str) -> Sighting:
    row = Sighting(ip_address=lease.ip, mac_address=lease.mac, source=Sighting.Source.LEASE)
    _renew(row, lease, now, origin)
    return row


def _renew(row: Sighting, lease: LeaseRecord, now: datetime, origin: str) -> None:
    row.seen_at = min(now, lease.until)  # a lease that is over was not seen now
    row.leased_until = lease.until
    row.missing_since = None
    row.hostname = lease.hostname
    row.duid = lease.duid
    row.origin = origin


def _differs(row: Sighting, lease: LeaseRecord, origin: str) -> bool:
    stored = (row.leased_until, row.hostname, row.duid, row.origin, row.missing_since)
    return stored != (lease.until, lease.hostname, lease.duid, origin, None)
