"""Leases become sightings: read the lease file when it has changed, and tell the ledger who uses
which address.

The whole file is compared with what the ledger knows, so a reading may be lost or repeated without
harm."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from dhcp.leases import lease_file
from dhcp.leases.lease_file import LeaseRecord
from dhcp.models import DhcpServer
from ipam import freeze
from ipam.addresses import Address
from ipam.models import Sighting
from ipam.querysets import write

logger = logging.getLogger("dhcp.leases")

EVERY = 2.0  # seconds between two looks at the file
REST = 10  # a reading of a busy file may take a tenth of the time, no more
KEPT = timedelta(
    days=90
)  # that somebody had an address is remembered so long after his lease has ended
_SETTLED = 0.02
_ATTEMPTS = 5
_WRITTEN = ("seen_at", "leased_until", "hostname", "duid", "origin")
_AT_ONCE = 500  # parameters in one statement

Key = tuple[Address, str]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a reading changed in the ledger."""

    new: int = 0
    renewed: int = 0
    ended: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.renewed or self.ended)


class FileKeepsChanging(OSError):
    """dnsmasq is writing the file all the time."""


def ingest(found: Iterable[LeaseRecord], now: datetime | None = None, origin: str = "") -> Ingested:
    """Make the ledger's lease sightings of one server say what its file says; a lease that vanished
    ends now.

    A lease that stands in two files, as after a subnet's move from one server to another, is told
    of by the one that says it lasts longer."""
    now = now or timezone.now()
    rows = Sighting.objects.filter(vrf=None, source=Sighting.Source.LEASE)
    known = {_key(row): row for row in rows.filter(origin=origin)}
    current = {lease.key: lease for lease in found}
    theirs = _of_others(
        rows.exclude(origin=origin),
        [lease.ip for key, lease in current.items() if key not in known],
    )
    current = {
        key: lease for key, lease in current.items() if not _lasts_longer(theirs.get(key), lease)
    }
    known |= {key: row for key, row in theirs.items() if key in current}
    new = [_sighting(lease, now, origin) for key, lease in current.items() if key not in known]
    renewed = [
        _renew(known[key], lease, now, origin)
        for key, lease in current.items()
        if _differs(known.get(key), lease, origin)
    ]
    ended = [
        _end(row, now) for key, row in known.items() if key not in current and _is_live(row, now)
    ]
    with transaction.atomic():
        Sighting.objects.bulk_create(
            new, ignore_conflicts=True
        )  # another worker may have been quicker
        write([*renewed, *ended], _WRITTEN)
        Sighting.objects.filter(source=Sighting.Source.LEASE, leased_until__lt=now - KEPT).delete()
    return Ingested(len(new), len(renewed), len(ended))


def read_stable(path: Path) -> bytes:
    """The whole file. dnsmasq writes it in place: half a file would end the leases of the other
    half."""
    for _ in range(_ATTEMPTS):
        before, data = _mark(path), path.read_bytes()
        time.sleep(_SETTLED)
        if before == _mark(path) and before[1] == len(data) and (not data or data.endswith(b"\n")):
            return data
    raise FileKeepsChanging(None, "it changes all the time", str(path))


class LeaseFileWatcher:
    """Looks at one lease file now and then. `now` is a clock that only runs forward."""

    def __init__(
        self, path: Path, now: Callable[[], float] = time.monotonic, origin: str = ""
    ) -> None:
        self.path = path
        self.origin = origin
        self.now = now
        self.seen: tuple[object, ...] | None = None
        self.not_before = now()
        self.complaint = ""

    def poll(self) -> Ingested:
        """Read the file if it has changed. What is in the way is told once, and tried again:
        whoever looks has more important things to do."""
        started = self.now()
        if started < self.not_before:
            return Ingested()
        try:
            return self._read_changed()
        except FileNotFoundError:
            return Ingested()  # no lease yet, or dnsmasq is elsewhere; what is known ends by itself
        except OSError as error:
            self._complain(f"{error.filename}: {error.strerror}")
            return Ingested()
        except DatabaseError as error:
            self._complain(str(error).strip())
            return Ingested()
        except Exception:
            logger.exception("a bug; the leases are read again later")
            return Ingested()
        finally:
            self.not_before = self.now() + max(EVERY, REST * (self.now() - started))

    def _read_changed(self) -> Ingested:
        frozen = freeze.state()
        mark = (
            *_mark(self.path),
            frozen,
        )  # a restored ledger has not heard of leases that we have told of
        if mark == self.seen:
            return Ingested()
        told = ingest(lease_file.parse_leases(read_stable(self.path)), origin=self.origin)
        if frozen and self.origin:
            DhcpServer.objects.filter(name=self.origin).update(compared_at=timezone.now())
        self.seen, self.complaint = mark, ""
        if told:
            logger.info("leases: %d new, %d renewed, %d ended", told.new, told.renewed, told.ended)
        return told

    def _complain(self, text: str) -> None:
        if text != self.complaint:
            logger.error("the leases cannot be read: %s", text)
        self.complaint = text


def _mark(path: Path) -> tuple[int, int, int]:
    """What changes when the file does. Raises OSError for a device or a pipe, which would tell
    nothing, or never end."""
    facts = os.stat(path)
    if not (
        stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)
    ):  # a directory says so itself
        raise OSError(None, "it is no regular file", str(path))
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _key(row: Sighting) -> Key:
    return (row.ip_address, row.mac_address or row.duid)


def _of_others(rows: QuerySet[Sighting], ips: Sequence[Address]) -> dict[Key, Sighting]:
    """What other servers have told of these addresses."""
    found: dict[Key, Sighting] = {}
    if ips and rows.exists():
        for start in range(0, len(ips), _AT_ONCE):
            found |= {
                _key(row): row for row in rows.filter(ip_address__in=ips[start : start + _AT_ONCE])
            }
    return found


def _lasts_longer(row: Sighting | None, lease: LeaseRecord) -> bool:
    return row is not None and row.leased_until is not None and row.leased_until > lease.until


def _sighting(lease: LeaseRecord, now: datetime, origin: str) -> Sighting:
    row = Sighting(ip_address=lease.ip, mac_address=lease.mac, source=Sighting.Source.LEASE)
    return _renew(row, lease, now, origin)


def _renew(row: Sighting, lease: LeaseRecord, now: datetime, origin: str) -> Sighting:
    """A lease that was over before we came to read of it was not seen now."""
    row.seen_at = min(now, lease.until)
    row.leased_until, row.hostname, row.duid, row.origin = (
        lease.until,
        lease.hostname,
        lease.duid,
        origin,
    )
    return row


def _differs(row: Sighting | None, lease: LeaseRecord, origin: str) -> bool:
    said = (lease.until, lease.hostname, lease.duid, origin)
    return row is not None and (row.leased_until, row.hostname, row.duid, row.origin) != said


def _is_live(row: Sighting, now: datetime) -> bool:
    return row.leased_until is not None and row.leased_until > now


def _end(row: Sighting, now: datetime) -> Sighting:
    row.leased_until = now
    return row
