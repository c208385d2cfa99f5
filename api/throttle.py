"""The rate limit of the API: a bucket for each accepted token, and one for each address that shows
no accepted token.

Buckets are in the memory of the web process, without a query or a lock, so they cost the hot
routes microseconds. Each web process counts for itself. Of two threads at the same moment one may
go uncounted, which does no harm."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from knox.crypto import hash_token

from api import problems
from api.authentication import ACCEPTED
from core.proxies import client_network

BURST = 10  # seconds' worth of requests that may come at once
MAX_CALLERS = 20_000  # that are remembered
API, POOL = "/api/", "/api/v1/ip/"


class Buckets:
    """Token buckets: for each caller the time at which its bucket is full again. A rate of 0 is no
    limit. Times are in seconds."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self._full_at: dict[str, float] = {}

    def wait(self, key: str) -> float:
        """Seconds until this caller may take something; 0 when it may now."""
        if not self._limits(key):
            return 0.0
        ahead = self._full_at.get(key, 0.0) - self.clock()
        return max(0.0, ahead - (self.burst - 1) / self.rate)

    def take(self, key: str) -> None:
        """Take one out of the caller's bucket."""
        if not self._limits(key):
            return
        now = self.clock()
        self._full_at[key] = max(self._full_at.get(key, 0.0), now) + 1 / self.rate
        if len(self._full_at) > MAX_CALLERS:
            self._forget(now)

    def _limits(self, key: str) -> bool:
        return self.rate > 0 and key != ""

    def _forget(self, now: float) -> None:
        """Forget the full buckets; all buckets if none is full."""
        filling = {key: full_at for key, full_at in list(self._full_at.items()) if full_at > now}
        if len(filling) >= MAX_CALLERS:
            filling = {}
        self._full_at = filling


class RateCheck:
    """One request and the bucket that it takes from: `wait` is how many seconds too early it
    comes, `token` the digest of the token that it shows."""

    __slots__ = ("_buckets", "_key", "_limiter", "token", "wait")

    def __init__(self, limiter: RateLimiter, token: str, buckets: Buckets, key: str) -> None:
        self._limiter, self.token, self._buckets, self._key = limiter, token, buckets, key
        self.wait = buckets.wait(key)

    def take(self) -> None:
        self._buckets.take(self._key)

    def record(self, *, accepted: bool) -> None:
        """Remember whether the token was accepted."""
        if self.token:
            self._limiter.record(self.token, accepted)


class RateLimiter:
    """The buckets of this process.

    A token has a bucket of its own from its first accepted request on. Until then, and after it is
    refused, the address pays, so that made-up tokens gain nothing."""

    def __init__(self, rate: float, anonymous: float) -> None:
        self.tokens = Buckets(rate, rate * BURST)
        self.addresses = Buckets(anonymous, anonymous * BURST)
        self.accepted: dict[str, bool] = {}

    def check(self, request: HttpRequest) -> RateCheck:
        token = fingerprint(request.META.get("HTTP_AUTHORIZATION", ""))
        if token in self.accepted:
            return RateCheck(self, token, self.tokens, token)
        buckets = self.addresses
        if settings.POOL_API == "open" and request.path.startswith(POOL):
            buckets = self.tokens  # a caller needs no token there
        return RateCheck(self, token, buckets, client_network(request))

    def record(self, token: str, accepted: bool) -> None:
        if not accepted:
            self.accepted.pop(token, None)
        elif token not in self.accepted:
            if len(self.accepted) >= MAX_CALLERS:
                self.accepted = {}
            self.accepted[token] = True


@cache
def rate_limiter() -> RateLimiter:
    return RateLimiter(settings.API_RATE, settings.API_RATE_ANONYMOUS)


@receiver(setting_changed)
def _forget_limiter(setting: str, **kwargs: object) -> None:
    if setting.startswith("API_RATE"):
        rate_limiter.cache_clear()


class Throttle:
    """429 with Retry-After for callers above the rate limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        check = rate_limiter().check(request)
        if check.wait:
            return refused(request, check.wait)
        check.take()
        response = self.get_response(request)
        check.record(accepted=hasattr(request, ACCEPTED))
        return response


def fingerprint(header: str) -> str:
    """The digest of the last word of an Authorization header, which may be a token: values are not
    kept. Neither blanks nor the scheme change it."""
    words = header.split()
    if not words:
        return ""
    return hash_token(words[-1].encode(errors="replace").decode())


def refused(request: HttpRequest, wait: float) -> HttpResponse:
    """429 (RFC 6585, 4), below /api/v1/ip/ in the shape of that API."""
    seconds = str(math.ceil(wait))
    headers = {"Retry-After": seconds}
    if request.path.startswith(POOL):
        return JsonResponse({"error": "Too many requests"}, status=429, headers=headers)
    throttled = problems.problem(
        429,
        _("Rate limit exceeded. Retry after %s s.") % seconds,
        code="throttled",
        hint=_("Send many rows in one request to bulk/."),
        headers=headers,
    )
    return problems.as_response(throttled)
