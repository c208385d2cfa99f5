"""Hand new events to the webhooks and the people that want them."""

from __future__ import annotations

from django.db import transaction

from events.delivery.models import DeliveryCursor
from events.mail import compose
from events.models import Event
from events.webhooks import queue

CURSOR = "webhooks"
AT_ONCE = 500  # events


def fan_out() -> bool:
    """Make deliveries of the next events, in the transaction that moves the cursor behind them.
    Whether more events may wait."""
    with transaction.atomic():
        cursor, _new = DeliveryCursor.objects.select_for_update().get_or_create(name=CURSOR)
        events = list(Event.objects.filter(pk__gt=cursor.position).order_by("pk")[:AT_ONCE])
        if events:
            queue.add(events)
            compose.add(events)
            cursor.position = events[-1].pk
            cursor.save(update_fields=["position"])
    return len(events) == AT_ONCE
