"""Count and log requests: how many, with which status, how long they took, by route; give each an
id."""

from __future__ import annotations

import bisect
import functools
import logging
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from itertools import accumulate

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject, empty
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from core import proxies
from core.counters import Table
from core.logs import REQUEST

logger = logging.getLogger("ipmanager.requests")
refusals_logger = logging.getLogger("ipmanager.refused")

ID = "X-Request-ID"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # upper bounds in seconds
_SUM = len(BUCKETS) + 1  # in a row of `durations`: one number for each bucket, +Inf, the sum

requests = Table(1, 256 * 1024)  # by method, route and status
durations = Table(_SUM + 1, 128 * 1024)  # by route


class Requests(Collector):
    """The counters of all processes of this web server, for Prometheus."""

    def collect(self) -> Iterator[Metric]:
        labels = ["method", "route", "status"]
        count = CounterMetricFamily(
            "ipmanager_http_requests", "Requests that were answered.", labels=labels
        )
        for values, (number,) in requests.totals().items():
            count.add_metric(values, number)
        yield count
        seconds = HistogramMetricFamily(
            "ipmanager_http_request_seconds", "How long their answers took.", labels=["route"]
        )
        bounds = [*map(str, map(float, BUCKETS)), "+Inf"]
        for values, row in durations.totals().items():
            buckets = list(zip(bounds, accumulate(row[:_SUM]), strict=True))
            seconds.add_metric(values, buckets, row[_SUM])
        yield seconds


def generate() -> bytes:
    """The counters in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(Requests())
    return generate_latest(registry)


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    requests.add((method, route, str(status)), (0, 1))
    durations.add((route,), (bisect.bisect_left(BUCKETS, seconds), 1), (_SUM, seconds))


class Refusals:
    """Logs requests that were refused because of who asks: wrong tokens and missing rights. At most
    MOST_REFUSALS lines in REFUSALS_PER seconds, in each process; then the number of the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = -math.inf  # time.monotonic()
        self._lines = self._unlogged = 0

    def report(self, request: HttpRequest, status: int) -> None:
        with self._lock:
            now = time.monotonic()
            unlogged = 0
            if now - self._began >= REFUSALS_PER:
                unlogged, self._unlogged = self._unlogged, 0
                self._began, self._lines = now, 0
            self._lines += 1
            if self._lines > MOST_REFUSALS:
                self._unlogged += 1
                return
        if unlogged:
            refusals_logger.warning("%d more requests were refused", unlogged)
        address = proxies.client_address(request) or "?"
        path = request.path[:LONGEST_PATH]
        refusals_logger.warning(
            "refused: %d %s %s from %s (%s)", status, request.method, path, address, who(request)
        )


MOST_REFUSALS, REFUSALS_PER = 20, 10.0
LONGEST_PATH = 200  # characters
refusals = Refusals()


def who(request: HttpRequest) -> str:
    """The user of a request, or what it has shown instead."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject) and user._wrapped is empty:
        user = None  # asking would cost a query
    if user is not None and user.is_authenticated:
        return str(user.get_username())
    if "HTTP_AUTHORIZATION" in request.META:
        return "unknown token"
    return "nobody"


class TrackedRequest:
    """A request from its arrival to its answer; within the block, all log lines have its `id`."""

    __slots__ = ("_request", "_started", "_token", "id")

    def __init__(self, request: HttpRequest) -> None:
        self._request, self._started = request, time.perf_counter()
        self.id = REQUEST.get() or id_of(request)  # the WSGI application may have set one

    def __enter__(self) -> TrackedRequest:
        self._token = REQUEST.set(self.id)
        return self

    def __exit__(self, *exc_info: object) -> None:
        REQUEST.reset(self._token)

    def finish(self, status: int) -> None:
        """Count the request and log it; call this when it is answered."""
        request = self._request
        seconds = time.perf_counter() - self._started
        route = route_of(request)
        count(request.method if request.method in METHODS else "other", route, status, seconds)
        if status in (401, 403):
            refusals.report(request, status)
        if not logger.isEnabledFor(logging.INFO):
            return
        facts = {
            "method": request.method,
            "path": request.path,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "client": proxies.client_address(request),
            "user": user_of(request),
        }
        logger.info("%s %s %d", request.method, request.path, status, extra=facts)


class Traffic:
    """Middleware: count each request and log it at level INFO."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with TrackedRequest(request) as tracked:
            response = self.get_response(request)
            tracked.finish(response.status_code)
        response[ID] = tracked.id
        return response


def id_of(request: HttpRequest) -> str:
    """The request's id: the X-Request-ID of a trusted proxy, or a new random one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    if given and is_from_proxy(request) and re.fullmatch(r"[\w.-]{8,64}", given, re.ASCII):
        return given
    return f"{random.getrandbits(128):032x}"  # not a secret, so no system call


def is_from_proxy(request: HttpRequest) -> bool:
    caller = proxies.parse(request.META.get("REMOTE_ADDR", ""))
    return caller is not None and proxies.is_trusted(caller)


def user_of(request: HttpRequest) -> str:
    """The user's name if the request has looked the user up; logging adds no query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject) and user.__dict__.get("_wrapped") is empty:
        return ""
    return user.get_username() if user is not None and user.is_authenticated else ""


def route_of(request: HttpRequest) -> str:
    """The pattern that the path matched, so the number of routes is limited by our own URLs."""
    match = request.resolver_match
    return readable(match.route) if match else "none"


@functools.lru_cache(1024)
def readable(route: str) -> str:
    """`api/v1/^subnets/(?P<pk>[^/.]+)/$` is `api/v1/subnets/{pk}/`."""
    text = re.sub(r"\(\?P<(\w+)>(?:\[[^\]]*\]|\\.|[^()\\])*\)", r"{\1}", route)
    text = re.sub(r"\(\[[^\]]*\][+*]?\)", "{}", text)
    text = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text)
    return "/" + re.sub(r"[$^?]|\\Z", "", text)
