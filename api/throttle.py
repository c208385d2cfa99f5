"""How fast one caller may ask: a bucket for each token that was accepted, one for each address that
shows none.

Buckets are kept in the memory of the web process: no query and no lock, so the hot routes pay
microseconds. Of several processes each counts for itself. Of two threads at once one may not be
counted: nobody is hurt by that."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from knox.crypto import hash_token

from api import problems
from api.authentication import ACCEPTED
from core.proxies import client_address

BURST = 10  # seconds' worth of requests that may come at once
MOST = 20_000  # callers that are remembered
API, POOL = "/api/", "/api/v1/ip/"


class Buckets:
    """One number for each caller: the time at which what it has taken will be paid for. A rate of 0
    is no limit."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self._paid: dict[str, float] = {}

    def wait(self, key: str) -> float:
        """Seconds until this caller may take something; 0 when it may now."""
        if not self.rate or not key:
            return 0.0
        ahead = self._paid.get(key, 0.0) - self.clock()
        return max(0.0, ahead - (self.burst - 1) / self.rate)

    def take(self, key: str) -> None:
        if self.rate and key:
            now = self.clock()
            self._paid[key] = max(self._paid.get(key, 0.0), now) + 1 / self.rate
            if len(self._paid) > MOST:
                self._forget(now)

    def _forget(self, now: float) -> None:
        """Whoever owes nothing; all, if everybody does."""
        owing = {key: paid for key, paid in list(self._paid.items()) if paid > now}
        self._paid = owing if len(owing) < MOST else {}


class Turn:
    """One caller's wish to ask: `wait` is for how many seconds it must not, `token` the digest of
    what it showed."""

    __slots__ = ("_buckets", "_gate", "_key", "token", "wait")

    def __init__(self, gate: Gate, token: str, buckets: Buckets, key: str) -> None:
        self._gate, self.token, self._buckets, self._key = gate, token, buckets, key
        self.wait = buckets.wait(key)

    def take(self) -> None:
        self._buckets.take(self._key)

    def note(self, *, accepted: bool) -> None:
        """What was found out about the token."""
        if self.token:
            self._gate.note(self.token, accepted)

    def taken(self, *, accepted: bool) -> None:
        self.take()
        self.note(accepted=accepted)


class Gate:
    """The buckets of this process.

    A token has a bucket of its own from its first accepted request on. Until then, and when it is
    refused, the address pays: made-up tokens gain nothing."""

    def __init__(self, rate: float, anonymous: float) -> None:
        self.tokens = Buckets(rate, rate * BURST)
        self.addresses = Buckets(anonymous, anonymous * BURST)
        self.accepted: dict[str, bool] = {}

    def turn(self, request: HttpRequest) -> Turn:
        token = fingerprint(request.META.get("HTTP_AUTHORIZATION", ""))
        if token in self.accepted:
            return Turn(self, token, self.tokens, token)
        if settings.POOL_API == "open" and request.path.startswith(POOL):
            return Turn(
                self, token, self.tokens, neighbourhood(request)
            )  # who reaches the port is a good caller there
        return Turn(self, token, self.addresses, neighbourhood(request))

    def note(self, token: str, accepted: bool) -> None:
        if not accepted:
            self.accepted.pop(token, None)
        elif token not in self.accepted:
            if len(self.accepted) >= MOST:
                self.accepted = {}
            self.accepted[token] = True


@cache
def gate() -> Gate:
    return Gate(settings.API_RATE, settings.API_RATE_ANONYMOUS)


@receiver(setting_changed)
def _forget_gate(setting: str, **kwargs: object) -> None:
    if setting.startswith("API_RATE"):
        gate.cache_clear()


class Throttle:
    """429 with Retry-After for who asks the API too fast."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        turn = gate().turn(request)
        if turn.wait:
            return refused(request, turn.wait)
        turn.take()
        response = self.get_response(request)
        turn.note(accepted=hasattr(request, ACCEPTED))
        return response


def fingerprint(header: str) -> str:
    """The digest of the last word, which is a token's if it is one: values are not kept. Blanks and
    capitals around it make no other one."""
    words = header.split()
    return hash_token(words[-1].encode(errors="replace").decode()) if words else ""


def neighbourhood(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the /64, because whoever has one address there has all. Empty:
    it has none."""
    text = client_address(request)
    if not text or ip_address(text).version == 4:
        return text
    return str(ip_network(f"{text.partition('%')[0]}/64", strict=False))


def refused(request: HttpRequest, wait: float) -> HttpResponse:
    seconds = str(math.ceil(wait))
    if request.path.startswith(POOL):
        return JsonResponse(
            {"error": "Too many requests"}, status=429, headers={"Retry-After": seconds}
        )
    hint = _("Wait %s s, as Retry-After says; many rows go in one request to bulk/.") % seconds
    status, body, headers = problems.problem(
        429,
        _("You ask faster than you may."),
        code="throttled",
        hint=hint,
        headers={"Retry-After": seconds},
    )
    return JsonResponse(body, status=status, content_type=problems.CONTENT_TYPE, headers=headers)
