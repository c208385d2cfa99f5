"""The deliveries that wait: how events come in, and how a delivery ends."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter

from django.db import transaction
from django.utils import timezone

from events.collect.lock import held
from events.models import Event
from events.subscriptions import TEST
from events.webhooks.models import HEALTH, Webhook, WebhookDelivery, lane_of
from events.webhooks.querysets import DeliveryQuerySet

GIVE_UP_AFTER = timedelta(days=3)
LONGEST_PAUSE = 3600.0  # seconds between two attempts, also if the receiver asks for more
_RESULT_COLUMNS = [
    "state",
    "attempts",
    "next_at",
    "first_at",
    "last_at",
    "status_code",
    "error",
    "milliseconds",
    "answer",
    "request_headers",
]
_dice = random.SystemRandom()


@dataclass(slots=True)
class Outcome:
    """How one attempt has ended."""

    delivery: int
    webhook: int
    ok: bool
    at: datetime
    status: int | None = None
    error: str = ""
    milliseconds: int = 0
    answer: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float = 0.0
    final: bool = False  # no further attempt makes sense


def add(events: Sequence[Event]) -> int:
    """Make a delivery of each event for each webhook that wants it and whose owner may see it. In
    the transaction that moves the cursor behind the events."""
    made: list[WebhookDelivery] = []
    for hook in Webhook.objects.live().select_related("owner"):
        made += map(partial(_delivery, hook), hook.choose(hook.owner, events))
    _insert(made)
    return len(made)


def add_test(webhook: Webhook, actor: str) -> WebhookDelivery:
    """An event of the kind `test` for this webhook alone."""
    import uuid

    with held(wait=True):
        event = Event.objects.create(
            kind=TEST,
            subject_model="events.webhook",
            subject_id=str(webhook.pk),
            subject=webhook.name,
            actor=actor,
            origin=f"test:{uuid.uuid4()}",
        )
        delivery = _delivery(webhook, event)
        _insert([delivery])
    return WebhookDelivery.objects.get(webhook=webhook, event=event)


def replay(rows: DeliveryQuerySet) -> int:
    """Send again what was given up or delivered; the number of them."""
    with transaction.atomic():
        keys, hooks, lanes = [], set(), set()
        for key, hook, lane in rows.exclude(state="pending").values_list(
            "pk", "webhook_id", "lane"
        ):
            keys.append(key)
            hooks.add(hook)
            lanes.add(lane)
        _lock(hooks)
        WebhookDelivery.objects.filter(pk__in=keys).update(
            state="pending", attempts=0, first_at=None, next_at=None
        )
        _rearrange(hooks, lanes)
    return len(keys)


def finish(outcomes: Sequence[Outcome]) -> None:
    """Record how attempts have ended, and let the next ones of their lanes go."""
    with transaction.atomic():
        hooks = _lock(set(map(attrgetter("webhook"), outcomes)))
        rows = WebhookDelivery.objects.pending().in_bulk(map(attrgetter("delivery"), outcomes))
        for outcome in outcomes:
            if outcome.delivery in rows:
                _apply(outcome, rows[outcome.delivery])
            if outcome.webhook in hooks:
                _note_health(outcome, hooks[outcome.webhook])
        WebhookDelivery.objects.bulk_update(rows.values(), _RESULT_COLUMNS)
        Webhook.objects.bulk_update(hooks.values(), HEALTH)
        ended = [key for key, row in rows.items() if row.state != "pending"]
        following = WebhookDelivery.objects.next_in_lane(ended)
        WebhookDelivery.objects.filter(pk__in=following, next_at=None).update(
            next_at=timezone.now()
        )


def pause_after(attempts: int, retry_after: float = 0.0) -> timedelta:
    """How long after this many failures in a row: about 1, 2, 4, … seconds, an hour at most."""
    longest = min(2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
    pause = longest * _dice.uniform(0.75, 1.0)
    return timedelta(seconds=max(pause, min(retry_after, LONGEST_PAUSE)))


def _delivery(hook: Webhook, event: Event) -> WebhookDelivery:
    return WebhookDelivery(webhook=hook, event=event, lane=lane_of(event))


def _insert(deliveries: Sequence[WebhookDelivery]) -> None:
    """Insert them in the order of events; only the first of a lane may be sent at once."""
    if not deliveries:
        return
    _lock(set(map(attrgetter("webhook_id"), deliveries)))
    lane_of_delivery = attrgetter("webhook_id", "lane")
    busy = WebhookDelivery.objects.busy_lanes(set(map(lane_of_delivery, deliveries)))
    now = timezone.now()
    for delivery in sorted(deliveries, key=attrgetter("event_id")):
        lane = lane_of_delivery(delivery)
        if lane not in busy:
            delivery.next_at = now
        busy.add(lane)
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True, batch_size=500)


def _lock(keys: Iterable[int]) -> dict[int, Webhook]:
    """Lock the webhooks: their lanes stay as they are until the transaction ends."""
    rows = Webhook.objects.filter(pk__in=keys).order_by("pk").select_for_update()
    return {row.pk: row for row in rows}


def _rearrange(hooks: set[int], lanes: set[str]) -> None:
    """Let the first of each lane go, and the others wait."""
    rows = WebhookDelivery.objects.filter(webhook__in=hooks, lane__in=lanes)
    rows.behind_another().exclude(next_at=None).update(next_at=None)
    rows.in_front().filter(next_at=None).update(next_at=timezone.now())


def _apply(outcome: Outcome, row: WebhookDelivery) -> None:
    row.attempts += 1
    row.first_at = row.first_at or outcome.at
    row.last_at, row.status_code = outcome.at, outcome.status
    row.error, row.answer = outcome.error[:300], outcome.answer
    row.milliseconds, row.request_headers = outcome.milliseconds, outcome.headers
    row.next_at = None
    if outcome.ok:
        row.state = "delivered"
    elif outcome.final or outcome.at - row.first_at >= GIVE_UP_AFTER:
        row.state = "dead"
    else:
        row.next_at = timezone.now() + pause_after(row.attempts, outcome.retry_after)


def _note_health(outcome: Outcome, hook: Webhook) -> None:
    if outcome.ok:
        hook.last_success_at, hook.failing_since, hook.last_error = outcome.at, None, ""
        hook.delivered += 1
    else:
        hook.last_failure_at, hook.last_error = outcome.at, outcome.error[:300]
        hook.failing_since = hook.failing_since or outcome.at
