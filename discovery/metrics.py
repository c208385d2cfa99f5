"""Figures of discovery for /metrics, in five queries."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from discovery.conflicts import metrics as conflicts
from discovery.models import DiscoveryRound, Squatter

MOST = 1000  # subnets with a duration of their own: those that took longest


def collect() -> Iterator[Metric]:
    """Rounds, probes sent, the duration of the last rounds, and squatters in quarantine."""
    sums = DiscoveryRound.objects.aggregate(rounds=Sum("rounds"), sent=Sum("total_sent"))
    yield CounterMetricFamily(
        "ipmanager_discovery_rounds", "Rounds that have ended.", value=sums["rounds"] or 0
    )
    yield CounterMetricFamily(
        "ipmanager_discovery_probes", "Probes that were sent.", value=sums["sent"] or 0
    )
    yield from _of_subnets()
    squatters = Squatter.objects.aggregate(number=Count("pk"))["number"]
    yield GaugeMetricFamily(
        "ipmanager_discovery_squatters",
        "Free addresses in quarantine because they answer.",
        value=squatters,
    )
    yield from conflicts.collect()


def _of_subnets() -> Iterator[Metric]:
    seconds = GaugeMetricFamily(
        "ipmanager_discovery_round_seconds", "Duration of the last round.", labels=["subnet"]
    )
    answered = GaugeMetricFamily(
        "ipmanager_discovery_answered", "Addresses that answered in it.", labels=["subnet"]
    )
    rows = DiscoveryRound.objects.filter(discovery__enabled=True).exclude(last_ended_at=None)
    shown = rows.select_related("discovery__subnet").order_by("-last_sent")[:MOST]
    for row in shown:
        labels = [str(row.discovery.subnet.network)]
        seconds.add_metric(labels, row.last_seconds)
        answered.add_metric(labels, row.last_answered)
    yield seconds
    yield answered
