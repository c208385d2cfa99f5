"""The questions about webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef, Subquery

if TYPE_CHECKING:
    from events.webhooks.models import Webhook, WebhookDelivery  # noqa: F401


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks."""

    def live(self) -> WebhookQuerySet:
        """Those that are told of events."""
        return self.filter(enabled=True, owner__is_active=True)

    def seen_by(self, user: Any) -> WebhookQuerySet:
        """Their own, or all for a superuser: who changes where another person's webhook goes would
        be told what that person may see."""
        if user.is_superuser:
            return self
        return self.filter(owner=user.pk)

    def matching(self, text: str) -> WebhookQuerySet:
        """A search box's text: a part of the name or of the URL."""
        named = models.Q(name__icontains=text) | models.Q(url__icontains=text)
        return self.filter(named)


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Deliveries."""

    def matching(self, text: str) -> DeliveryQuerySet:
        """A search box's text: the number of an event, or a part of its subject's name."""
        if text.isascii() and text.isdigit() and len(text) < 19:
            return self.filter(event=int(text))
        return self.filter(event__subject__icontains=text) if text else self

    def pending(self) -> DeliveryQuerySet:
        return self.filter(state="pending")

    def sendable(self) -> DeliveryQuerySet:
        """Those that are first in their lane, of webhooks that are told of events."""
        return self.pending().filter(
            next_at__isnull=False, webhook__enabled=True, webhook__owner__is_active=True
        )

    def due(self, now: datetime) -> DeliveryQuerySet:
        return self.sendable().filter(next_at__lte=now).order_by("next_at", "event_id")

    def busy_lanes(self, lanes: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
        """Those of the lanes, each of a webhook, in which something waits."""
        webhooks = {webhook for webhook, _lane in lanes}
        names = {lane for _webhook, lane in lanes}
        rows = self.pending().filter(webhook__in=webhooks, lane__in=names).order_by()
        return set(rows.values_list("webhook_id", "lane").distinct())

    def next_in_lane(self, done: Iterable[int]) -> list[int]:
        """The keys of those that are first in the lanes of these deliveries."""
        first = self.model.objects.pending().filter(
            webhook=OuterRef("webhook"), lane=OuterRef("lane")
        )
        key = Subquery(first.order_by("event_id").values("pk")[:1])
        found = self.filter(pk__in=done).annotate(first=key).values_list("first", flat=True)
        return [key for key in found if key is not None]

    def behind_another(self) -> DeliveryQuerySet:
        """Pending ones that wait for an earlier one of their lane."""
        return self.pending().filter(self._has_earlier())

    def in_front(self) -> DeliveryQuerySet:
        """Pending ones that are the first of their lane."""
        return self.pending().exclude(self._has_earlier())

    def _has_earlier(self) -> Exists:
        earlier = self.model.objects.pending().filter(
            webhook=OuterRef("webhook"), lane=OuterRef("lane"), event__lt=OuterRef("event")
        )
        return Exists(earlier)
