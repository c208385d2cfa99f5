"""Delete old events, and say which rows the collector still needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from events.delivery.models import DeliveryCursor
from events.models import Cursor, Event
from events.stream import PRUNED
from events.webhooks.fan_out import CURSOR
from events.webhooks.models import WebhookDelivery

BATCH = 1000


def outdated(before: datetime) -> QuerySet[Event]:
    """Old events that nobody waits for: each reader of all events has passed them, and no delivery
    is pending. The newest event stays: its number is the present."""
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    readers = DeliveryCursor.objects.filter(name=CURSOR).values_list("position", flat=True)
    last = min([newest - 1, *readers])
    pending = WebhookDelivery.objects.filter(event=OuterRef("pk"), state="pending")
    return Event.objects.filter(~Exists(pending), at__lt=before, pk__lte=last)


def prune(before: datetime) -> int:
    """Delete them in short transactions, which also keep the highest number that is gone."""
    total = 0
    while ids := list(outdated(before).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            Event.objects.filter(pk__in=ids).delete()
            cursor, _new = Cursor.objects.select_for_update().get_or_create(table=PRUNED)
            cursor.position = max(cursor.position, ids[-1])
            cursor.save()
        total += len(ids)
    return total


def unread(model: Any) -> int | None:
    """The first key of a table that the collector has not read; None: it does not read it yet."""
    cursor = Cursor.objects.filter(table=model._meta.db_table).first()
    if cursor is None:
        return None
    return min([cursor.position + 1, *(first for first, _last, _number in cursor.holes)])
