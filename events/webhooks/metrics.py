"""Deliveries of webhooks as metrics. Three queries."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from events.webhooks.models import Webhook, WebhookDelivery


def collect() -> Iterator[Metric]:
    """What waits, what was given up and what has arrived, and how many webhooks fail."""
    waiting = WebhookDelivery.objects.pending().aggregate(n=Count("pk"), oldest=Min("created_at"))
    dead = WebhookDelivery.objects.filter(state="dead").count()
    deliveries = GaugeMetricFamily(
        "ipmanager_webhook_deliveries",
        "Deliveries that wait, or that were given up.",
        labels=["state"],
    )
    deliveries.add_metric(["pending"], waiting["n"])
    deliveries.add_metric(["dead"], dead)
    yield deliveries
    oldest = GaugeMetricFamily(
        "ipmanager_webhook_oldest_pending_seconds", "Age of the oldest delivery that waits."
    )
    age = 0.0
    if waiting["oldest"]:
        age = (timezone.now() - waiting["oldest"]).total_seconds()
    oldest.add_metric([], age)
    yield oldest
    yield from _of_webhooks()


def _of_webhooks() -> Iterator[Metric]:
    failing = GaugeMetricFamily(
        "ipmanager_webhook_failing_seconds",
        "Since when a webhook fails; 0: it works.",
        labels=["webhook"],
    )
    now, total = timezone.now(), 0
    for name, since, delivered in Webhook.objects.values_list("name", "failing_since", "delivered"):
        failing.add_metric([name], (now - since).total_seconds() if since else 0)
        total += delivered
    yield failing
    yield CounterMetricFamily(
        "ipmanager_webhook_delivered", "Deliveries that have arrived.", value=total
    )
