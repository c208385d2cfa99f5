"""`/metrics` for Prometheus: the requests that all processes of this web server have counted, what
the rooms read from their tables, and what the health checks find.

The number of queries does not grow with the ledger, the time of each is limited, and all callers
within a few seconds get the same answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from api.access import Access, Right
from core import proxies
from core.findings import BOUNDED
from dhcp import metrics as dhcp_metrics
from discovery import metrics as discovery_metrics
from events import metrics as events_metrics
from ipam import metrics as ipam_metrics
from ops import doctor, host_checks, traffic, worker_heartbeat
from registry import metrics as registry_metrics

logger = logging.getLogger(__name__)

CACHE_SECONDS = 5.0
STATEMENT_TIMEOUT_MS = 5000  # of PostgreSQL, for each statement

Section = Callable[[], Iterable[Metric]]


class MayScrape(Access):
    """A token with the scope `read`, a staff session, or an address that IPMANAGER_METRICS_FROM
    lists."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = proxies.parse(proxies.client_address(request))
        is_listed = caller is not None and any(
            caller in network for network in settings.METRICS_FROM
        )
        return is_listed or super().has_permission(request, view)


class OneFormat(BaseContentNegotiation):
    """Answer in Prometheus's text format, whatever the request accepts."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


@extend_schema(exclude=True)
class Metrics(APIView):
    permission_classes = [MayScrape]
    content_negotiation_class = OneFormat
    rights = {"get": Right("read", "ipam.view_subnet")}
    action = "get"

    def get(self, request: Request) -> HttpResponse:
        text = traffic.generate() + TABLES.text()
        return HttpResponse(
            text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )


class Tables(Collector):
    """The metrics of SECTIONS. `ipmanager_scrape_failed` names a section that cannot be read; the
    others are not affected."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._valid_until = 0.0
        self._text = b""

    def text(self) -> bytes:
        """Read at most every CACHE_SECONDS, by one thread at a time."""
        with self._lock:
            if time.monotonic() >= self._valid_until:
                registry = CollectorRegistry(auto_describe=False)
                registry.register(self)
                self._text = generate_latest(registry)
                self._valid_until = time.monotonic() + CACHE_SECONDS
            return self._text

    def describe(self) -> Iterable[Metric]:
        return []  # so that registering runs no query

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily(
            "ipmanager_scrape_failed", "Whether this part could not be read.", labels=["section"]
        )
        for section, read in SECTIONS.items():
            try:
                yield from _in_transaction(read)
                failed.add_metric([section], 0)
            except DatabaseError as error:
                logger.error("the metrics of %s cannot be read: %s", section, str(error).strip())
                failed.add_metric([section], 1)
        yield failed


def _in_transaction(read: Section) -> list[Metric]:
    """The metrics of a section from one state of the database. Raises DatabaseError."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_TIMEOUT_MS)]
                )
        return list(read())


# --- what ops itself reports ----------------------------------------------------------------------


def processes() -> Iterator[Metric]:
    """The version that runs, and the age of each worker's heartbeat."""
    yield InfoMetricFamily(
        "ipmanager_build", "The version that runs.", {"version": settings.VERSION}
    )
    seen = GaugeMetricFamily(
        "ipmanager_worker_seen_seconds", "Since the worker's last heartbeat.", labels=["host"]
    )
    rows: Iterable[Any] = worker_heartbeat.seen()
    for worker in rows:
        seen.add_metric([worker.host], (worker.now - worker.seen_at).total_seconds())
    yield seen


def health() -> Iterator[Metric]:
    """The worst finding of each health check that is cheap enough to run at every scrape."""
    found = GaugeMetricFamily(
        "ipmanager_health",
        "What a health check finds: 0 nothing, 1 a warning, 2 an error.",
        labels=["check"],
    )
    worst: dict[str, int] = {}
    for result in doctor.run_checks(BOUNDED):
        name = result.check.name
        worst[name] = max(worst.get(name, 0), result.status)
    for name, status in worst.items():
        found.add_metric([name], status)
    yield found


SECTIONS: dict[str, Section] = {
    "ipam": ipam_metrics.collect,
    "discovery": discovery_metrics.collect,
    "dhcp": dhcp_metrics.collect,
    "registry": registry_metrics.collect,
    "events": events_metrics.collect,
    "ops": processes,
    "host": host_checks.collect,
    "health": health,
}
TABLES = Tables()
