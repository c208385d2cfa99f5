"""Events as metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from events.collect.lag import lag
from events.models import EventCount
from events.webhooks import metrics as webhooks


def collect() -> Iterator[Metric]:
    """How many events were made of each kind, and how far the collector is behind."""
    made = CounterMetricFamily("ipmanager_events", "Events by kind.", labels=["kind"])
    for kind, number in EventCount.objects.values_list("kind", "number").order_by("kind"):
        made.add_metric([kind], number)
    yield made
    yield GaugeMetricFamily(
        "ipmanager_events_lag_seconds",
        "Since the oldest change that was not made an event of.",
        value=lag(),
    )
    yield from webhooks.collect()
