"""Write events."""

from __future__ import annotations

from collections.abc import Sequence

from events.models import Event


def write(events: Sequence[Event]) -> None:
    """Write events, in their order. Only within `lock.held`: numbers become visible in order."""
    if events:
        Event.objects.bulk_create(events, ignore_conflicts=True)
