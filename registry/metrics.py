"""How the services fare, in numbers for Prometheus. Three queries, whatever there is."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Max
from prometheus_client.core import GaugeMetricFamily, Metric

from registry.models import RestartRequest, Service
from registry.querysets import database_now


def collect() -> Iterator[Metric]:
    now = database_now()
    services = GaugeMetricFamily(
        "ipmanager_services", "Services by status.", labels=["environment", "status"]
    )
    heard = GaugeMetricFamily(
        "ipmanager_services_heard_seconds",
        "Since the newest heartbeat of any service.",
        labels=["environment"],
    )
    rows = Service.objects.order_by().values_list("environment", "status")
    counts: dict[tuple[str, str], tuple[int, float]] = {}
    for environment, status, number, latest in rows.annotate(Count("pk"), Max("last_heartbeat")):
        counts[environment, status] = (number, max(0.0, (now - latest).total_seconds()))
    for environment in sorted({environment for environment, _status in counts}):
        found = {status: counts.get((environment, status)) for status in Service.Status.values}
        for status, pair in found.items():
            services.add_metric([environment, status], pair[0] if pair else 0)
        heard.add_metric([environment], min(pair[1] for pair in found.values() if pair))
    yield services
    yield heard
    wanted = RestartRequest.objects.filter(status__in=RestartRequest.OPEN).count()
    yield GaugeMetricFamily(
        "ipmanager_restarts_open", "Restarts that are asked for and not done.", value=wanted
    )
