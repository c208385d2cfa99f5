"""The state of the registered services as metrics for Prometheus. Three queries, whatever their
number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Count, Max
from prometheus_client.core import GaugeMetricFamily, Metric

from registry.models import RestartRequest, Service
from registry.querysets import database_now


def collect() -> Iterator[Metric]:
    """Services by environment and status, the age of their newest heartbeat, open restarts."""
    services = GaugeMetricFamily(
        "ipmanager_services", "Services by status.", labels=["environment", "status"]
    )
    heard = GaugeMetricFamily(
        "ipmanager_services_heard_seconds",
        "Since the newest heartbeat of any service.",
        labels=["environment"],
    )
    now = database_now()
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    ages: dict[str, list[float]] = defaultdict(list)
    rows = Service.objects.order_by().values_list("environment", "status")
    for environment, status, number, latest in rows.annotate(Count("pk"), Max("last_heartbeat")):
        numbers[environment][status] = number
        ages[environment].append(max(0.0, (now - latest).total_seconds()))
    for environment, by_status in sorted(numbers.items()):
        for status in Service.Status.values:
            services.add_metric([environment, status], by_status.get(status, 0))
        heard.add_metric([environment], min(ages[environment]))
    yield services
    yield heard
    open_restarts = RestartRequest.objects.filter(status__in=RestartRequest.OPEN).count()
    yield GaugeMetricFamily(
        "ipmanager_restarts_open", "Requested restarts that are not done.", value=open_restarts
    )
