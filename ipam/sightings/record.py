"""Record what was seen, many at a time. One row is kept for each address, MAC address and source;
its clock only goes forward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ipam.addresses import Address
from ipam.models import Sighting

KEPT = timedelta(days=90)  # a sighting is deleted so long after it was last seen

_COLUMNS = ("vrf", "ip_address", "mac_address", "source", "seen_at", "hostname", "origin")
# The unique key that a row meets, by whether it has a VRF and a MAC address: its columns and its
# condition, in the words of the index.
_KEYS = {
    (True, True): ("vrf_id, ip_address, mac_address, source", "NOT (vrf_id IS NULL)"),
    (False, True): ("ip_address, mac_address, source", "vrf_id IS NULL"),
    (True, False): (
        "vrf_id, ip_address, source",
        "mac_address IS NULL AND NOT (vrf_id IS NULL) AND NOT (source = 'lease')",
    ),
    (False, False): (
        "ip_address, source",
        "mac_address IS NULL AND vrf_id IS NULL AND NOT (source = 'lease')",
    ),
}
_UPSERT = """
INSERT INTO sightings
    (vrf_id, ip_address, mac_address, source, seen_at, hostname, origin, first_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ({columns}) WHERE {condition} DO UPDATE SET
    seen_at = excluded.seen_at, origin = excluded.origin,
    hostname = CASE WHEN excluded.hostname = '' THEN sightings.hostname ELSE excluded.hostname END
WHERE excluded.seen_at > sightings.seen_at
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation. `origin` is the agent or token that made it; empty for the worker.
    Not for leases, which `dhcp.leases.ingest` compares with a whole file."""

    ip: Address
    source: str
    at: datetime
    mac: str | None = None
    vrf_id: int | None = None
    hostname: str = ""
    origin: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.vrf_id or 0, self.ip.version, self.ip, self.mac or "", self.source)


def record(observations: Iterable[Seen]) -> int:
    """Store the observations, the newest of each key, by at most four statements; return how many.
    A time in the future is stored as now."""
    now = timezone.now()
    newest: dict[tuple[Any, ...], Seen] = {}
    for seen in sorted(observations, key=lambda seen: seen.at):
        newest[seen.key] = seen
    groups = defaultdict(list)
    for key in sorted(newest):  # in one order, so that two recorders never wait for each other
        seen = newest[key]
        groups[seen.vrf_id is not None, seen.mac is not None].append(_values(seen, now))
    with transaction.atomic(), connection.cursor() as cursor:
        for kind in sorted(groups):
            columns, condition = _KEYS[kind]
            cursor.executemany(_UPSERT.format(columns=columns, condition=condition), groups[kind])
    return len(newest)


def forget(now: datetime | None = None) -> int:
    """Delete what has not been seen for long; leases are deleted where they are read."""
    before = (now or timezone.now()) - KEPT
    old = Sighting.objects.exclude(source=Sighting.Source.LEASE).filter(seen_at__lt=before)
    return old.delete()[0]


def _values(seen: Seen, now: datetime) -> list[Any]:
    at = min(seen.at, now)
    given = (seen.vrf_id, seen.ip, seen.mac, seen.source, at, seen.hostname[:255], seen.origin[:50])
    fields: list[Any] = list(map(Sighting._meta.get_field, _COLUMNS))
    values = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields, given, strict=True)
    ]
    return [*values, values[4]]
