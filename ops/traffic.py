"""Requests, counted and told: how many, how they ended, how long they took, by their route; each
with an id."""

from __future__ import annotations

import functools
import logging
import os
import random
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject, empty
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from core import counters, proxies
from core.logs import REQUEST

logger = logging.getLogger("ipmanager.requests")

SHARED = os.environ.get(counters.VARIABLE)  # set by the web server, before this is imported
ID = "X-Request-ID"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

if SHARED:
    values.ValueClass = values.MultiProcessValue(counters.slot)
_own = CollectorRegistry()
REQUESTS = Counter(
    "ipmanager_http_requests",
    "Requests that were answered.",
    ["method", "route", "status"],
    registry=_own,
)
DURATION = Histogram(
    "ipmanager_http_request_seconds",
    "How long their answers took.",
    ["route"],
    buckets=SECONDS,
    registry=_own,
)


def generate() -> bytes:
    """As Prometheus reads it: the sums of every process of this web server."""
    if not SHARED:
        return generate_latest(_own)
    summed = CollectorRegistry()
    MultiProcessCollector(summed, SHARED)
    return generate_latest(summed)


# To look a counter up takes longer than to count.
_count = functools.lru_cache(1024)(REQUESTS.labels)
_duration = functools.lru_cache(1024)(DURATION.labels)


class Watch:
    """One request, from the moment it came: `number` is its id, in all that is logged meanwhile."""

    __slots__ = ("_request", "_started", "_within", "number")

    def __init__(self, request: HttpRequest) -> None:
        self._request, self._started, self.number = request, time.perf_counter(), id_of(request)

    def __enter__(self) -> Watch:
        self._within = REQUEST.set(self.number)
        return self

    def __exit__(self, *exc_info: object) -> None:
        REQUEST.reset(self._within)

    def tell(self, status: int) -> None:
        """It has been answered."""
        request, seconds, route = (
            self._request,
            time.perf_counter() - self._started,
            route_of(self._request),
        )
        method = request.method if request.method in METHODS else "other"
        _count(method, route, status).inc()
        _duration(route).observe(seconds)
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
    """Counts each request when its answer is known, and writes a line of it where such lines are
    wanted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with Watch(request) as watch:
            response = self.get_response(request)
            watch.tell(response.status_code)
        response[ID] = watch.number
        return response


def id_of(request: HttpRequest) -> str:
    """A proxy of ours may have given it one; a stranger's is his own business."""
    given, caller = (
        request.META.get("HTTP_X_REQUEST_ID", ""),
        proxies.parse(request.META.get("REMOTE_ADDR", "")),
    )
    if (
        given
        and caller
        and proxies.is_trusted(caller)
        and re.fullmatch(r"[\w.-]{8,64}", given, re.ASCII)
    ):
        return given
    return f"{random.getrandbits(128):032x}"  # no secret, and no system call


def user_of(request: HttpRequest) -> str:
    """Who it was, if somebody has asked; nobody is looked up for a log line."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject) and user.__dict__.get("_wrapped") is empty:
        return ""
    return user.get_username() if user is not None and user.is_authenticated else ""


def route_of(request: HttpRequest) -> str:
    """The pattern that the path matched: there are as many of them as we have written, whatever is
    asked for."""
    match = request.resolver_match
    return readable(match.route) if match else "none"


@functools.lru_cache(1024)
def readable(route: str) -> str:
    """`api/v1/^subnets/(?P<pk>[^/.]+)/$` is `api/v1/subnets/{pk}/`."""
    text = re.sub(r"\(\?P<(\w+)>(?:\[[^\]]*\]|\\.|[^()\\])*\)", r"{\1}", route)
    text = re.sub(r"\(\[[^\]]*\][+*]?\)", "{}", text)
    text = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text)
    return "/" + re.sub(r"[$^?]|\\Z", "", text)
