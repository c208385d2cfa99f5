"""`/metrics` for Prometheus: requests as every process of this web server has counted them, and
what the apps' tables say. The queries do not grow with the ledger, their time is bounded, and
crowds get the same answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from api.access import Access, Right
from core import proxies
from ops import traffic, worker_heartbeat

logger = logging.getLogger(__name__)

SECTIONS = [
    "ipam.metrics.collect",
    "dhcp.metrics.collect",
    "registry.metrics.collect",
    "ops.metrics.collect",
]
FRESH = 5.0  # seconds for which an answer is good enough for the next caller, too
PATIENCE_MS = 5000  # what PostgreSQL may take for one statement of it


class MayScrape(Access):
    """A token with the scope `read`, a staff session, or an address that IPMANAGER_METRICS_FROM
    lists."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = proxies.parse(proxies.client_address(request))
        is_listed = caller is not None and any(
            caller in network for network in settings.METRICS_FROM
        )
        return is_listed or super().has_permission(request, view)


class AsItIs(BaseContentNegotiation):
    """The format is Prometheus's, whatever was asked for."""

    def select_renderer(self, request, renderers, format_suffix=None):  # type: ignore[no-untyped-def]
        return renderers[0], renderers[0].media_type


@extend_schema(exclude=True)
class Metrics(APIView):
    permission_classes = [MayScrape]
    content_negotiation_class = AsItIs
    rights = {"": Right("read", "ipam.view_subnet")}

    def get(self, request: Request) -> HttpResponse:
        text = traffic.generate() + TABLES.text()
        return HttpResponse(
            text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )


class Tables(Collector):
    """What the apps know from their tables. A section that fails says so, and harms no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._good_until = 0.0
        self._text = b""

    def text(self) -> bytes:
        """Read at most every FRESH seconds, by one thread at a time."""
        with self._lock:
            if time.monotonic() >= self._good_until:
                registry = CollectorRegistry(auto_describe=False)
                registry.register(self)
                self._text = generate_latest(registry)
                self._good_until = time.monotonic() + FRESH
            return self._text

    def describe(self) -> Iterable[Metric]:
        return []  # so that registering asks no database

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily(
            "ipmanager_scrape_failed", "Whether this part could not be read.", labels=["section"]
        )
        for name in SECTIONS:
            section = name.partition(".")[0]
            try:
                yield from _read(name)
                failed.add_metric([section], 0)
            except DatabaseError as error:
                logger.error("the metrics of %s cannot be read: %s", section, str(error).strip())
                failed.add_metric([section], 1)
        yield failed


TABLES = Tables()


def collect() -> Iterator[Metric]:
    """The site's own."""
    yield InfoMetricFamily(
        "ipmanager_build", "The version that runs.", {"version": settings.VERSION}
    )
    seen = GaugeMetricFamily(
        "ipmanager_worker_seen_seconds", "Since the worker's last sign of life.", labels=["host"]
    )
    rows: Iterable[Any] = worker_heartbeat.seen()
    for worker in rows:
        seen.add_metric([worker.host], (worker.now - worker.seen_at).total_seconds())
    yield seen


def _read(name: str) -> list[Metric]:
    """A section as one look at the database, or DatabaseError."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE_MS)]
                )
        return list(import_string(name)())
