"""Write events, and count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from events.models import Event, EventCount


def write(events: Sequence[Event]) -> None:
    """Write events, in their order. Only within `lock.held`: numbers become visible in order."""
    if not events:
        return
    Event.objects.bulk_create(events, ignore_conflicts=True)
    _count(Counter(event.kind for event in events))


def _count(made: Counter[str]) -> None:
    known = EventCount.objects.in_bulk(list(made))
    rows = [EventCount(kind=kind, number=number) for kind, number in made.items()]
    for row in rows:
        if row.kind in known:
            row.number += known[row.kind].number
    EventCount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["kind"], update_fields=["number"]
    )
