"""Events of leases that have ended: their rows are changed, not added.

They are found by the time of their end. A transaction may commit an end that is some time past, so
each look goes back OVERLAP; what was told already has its event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from dhcp.leases.intervals.models import LeaseInterval
from events.collect import places, rows
from events.collect.lock import held
from events.collect.write import write
from events.models import Cursor, Event

TABLE = "lease_intervals ended"
OVERLAP = timedelta(minutes=10)
MOVE = timedelta(minutes=1)  # the cursor is written so often
BATCH = 500


def tell() -> int:
    """Tell of those that have ended since the last look; return their number. Two queries when
    there are none."""
    now = timezone.now()
    since = _position(now)
    if not _untold(since).exists() and now - since < MOVE:
        return 0
    with held() as is_mine:
        return _tell(since, now) if is_mine else 0


def _tell(since: datetime, now: datetime) -> int:
    found = list(_untold(since)[:BATCH])
    events = [_event(row) for row in found]
    places.place_in_subnets(events)
    write(events)
    if len(found) < BATCH:
        position = int(now.timestamp() * 1000)
        Cursor.objects.filter(table=TABLE).update(position=position)
    return len(events)


def _position(now: datetime) -> datetime:
    """When the last look was; now at the first one."""
    first = {"position": int(now.timestamp() * 1000)}
    cursor, _new = Cursor.objects.get_or_create(table=TABLE, defaults=first)
    return datetime.fromtimestamp(cursor.position / 1000, UTC)


def _untold(since: datetime) -> QuerySet[LeaseInterval]:
    """Ended ones whose beginning was told, if it was to be told at all."""
    begun = Cursor.objects.filter(table="lease_intervals").values("position")[:1]
    origin = Concat(Value("lease_intervals:"), Cast(OuterRef("pk"), CharField()), Value(":ended"))
    told = Event.objects.filter(origin=origin)
    ended = LeaseInterval.objects.filter(ended_at__gt=since - OVERLAP, pk__lte=begun)
    return ended.filter(~Exists(told)).order_by("ended_at", "pk")


def _event(row: LeaseInterval) -> Event:
    event = rows.lease_event(row, "lease.ended", f"lease_intervals:{row.pk}:ended")
    event.at = row.ended_at or event.at
    event.data["ended"] = row.ended_how
    return event
