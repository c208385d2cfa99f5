"""The short way: what is asked most is answered before the middleware, the URL map and REST framework.

A view of the short way answers what is common and right, and returns None for everything else: a doubtful token, a
filter, a key that may have been used before, an exhausted pool. Such a request goes the long way, which decides anew
and alone knows how to say no. Both say the same of the same request; a test holds them together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve
from django.utils import timezone
from knox.crypto import hash_token

from ipmanager import prepared
from ipmanager.access import Right
from ipmanager.auth import ACCEPTED
from ipmanager.errors import IPManagerError
from ipmanager.models import Token
from ipmanager.problems import AWAY
from ipmanager.proxies import client_address

UNUSUAL = ("HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
MODULES = ("ipam.short", "ipmanager.pool_api")  # each has SHORT, a list of routes

# A token that may be used today, and whether its user has the right: superusers have all, others their own and their
# groups'. A token's first use of a day is noted on the long way.
_CALLER = """
SELECT t.scopes, t.networks, u.id, u.username, u.is_superuser OR EXISTS (
    SELECT 1 FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = %s AND p.codename = %s AND (
        EXISTS (SELECT 1 FROM auth_user_user_permissions x WHERE x.user_id = u.id AND x.permission_id = p.id)
        OR EXISTS (SELECT 1 FROM auth_user_groups g JOIN auth_group_permissions x ON x.group_id = g.group_id
                   WHERE g.user_id = u.id AND x.permission_id = p.id)))
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %s AND t.last_used = %s AND (t.expiry IS NULL OR t.expiry > %s) AND t.subnets = '[]' AND u.is_active
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the short way and the log want to know."""

    user: int | None
    name: str
    is_authenticated = True

    def get_username(self) -> str:
        return self.name


NOBODY = Caller(None, "")
_matches: dict[re.Pattern[str], ResolverMatch] = {}
View = Callable[..., HttpResponse | None]


@dataclass(frozen=True, slots=True)
class Route:
    """A view, its address (a pattern of the whole path), and the right that it needs."""

    method: str
    pattern: re.Pattern[str]
    right: Right
    view: View
    is_open: Callable[[], bool] = bool  # whether it answers without a token


class ShortWay:
    """The middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return answer(request) or self.get_response(request)


def answer(request: HttpRequest) -> HttpResponse | None:
    """The answer, or None when the request must go the long way."""
    if not request.path_info.startswith("/api/v1/ip") and not request.path_info.endswith("/next-free/"):
        return None
    for route in routes():
        if route.method == request.method and (match := route.pattern.fullmatch(request.path_info)):
            break
    else:
        return None
    if not _is_plain(request):
        return None
    caller = NOBODY if route.is_open() else identify(request, route.right)
    response = _ask(route, request, caller, **match.groupdict()) if caller else None
    if response:
        _note(request, route, caller)
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            response.headers["Strict-Transport-Security"] = _tls_only()
    return response


def _ask(route: Route, request: HttpRequest, caller: Caller, **captured: str) -> HttpResponse | None:
    """Who only looks may look again: the long way opens a lost connection anew, and says what is wrong."""
    try:
        return route.view(request, caller, **captured)
    except (IPManagerError, *AWAY) as error:
        if route.method != "GET":
            raise
        if isinstance(error, AWAY):
            connection.close_if_unusable_or_obsolete()
        return None


def _note(request: HttpRequest, route: Route, caller: Caller | None) -> None:
    """For the middleware around us: who it was, and what the URL map calls the route."""
    request.user = caller  # type: ignore[assignment]
    if route.pattern not in _matches:
        _matches[route.pattern] = resolve(request.path_info)
    request.resolver_match = _matches[route.pattern]


@cache
def routes() -> tuple[Route, ...]:
    return tuple(route for name in MODULES for route in import_module(name).SHORT)


def _is_plain(request: HttpRequest) -> bool:
    """For us, by somebody who takes JSON and asks for nothing unusual."""
    accept = request.META.get("HTTP_ACCEPT", "*/*")
    if any(name in request.META for name in UNUSUAL) or not ("*/*" in accept or "application/json" in accept):
        return False
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return False
    try:
        return bool(request.get_host())
    except DisallowedHost:
        return False


def identify(request: HttpRequest, right: Right) -> Caller | None:
    """Whose token this is, if it may do this. None goes the long way, which says why.

    The question shows whether the connection still works, too: a lost one is opened anew on the long way.
    """
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme != "Bearer" or not value.isascii() or not value:
        return None
    connection.health_check_done = connection.connection is not None  # type: ignore[attr-defined]
    app, _, codename = right.permission.partition(".")
    now = timezone.now()
    asked = [app, codename, hash_token(value), timezone.localdate(now), connection.ops.adapt_datetimefield_value(now)]
    try:
        found = prepared.rows(_CALLER, asked)
    except AWAY:
        connection.close_if_unusable_or_obsolete()
        return None
    if not found:
        return None
    scopes, networks, user, name, permitted = found[0]
    held = json.loads(scopes)
    allowed = permitted and ("admin" in held or right.scope in held)
    from_here = networks == "[]" or Token(networks=json.loads(networks)).accepts(client_address(request))
    if not (allowed and from_here):
        return None
    setattr(request, ACCEPTED, True)
    return Caller(user, name)


def sent(request: HttpRequest, names: Iterable[str]) -> dict[str, Any] | None:
    """The body's JSON object if it has these keys only, else None."""
    if request.content_type != "application/json" or request.GET:
        return None
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return None
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.keys() <= set(names) else None


def _tls_only() -> str:
    subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}"


@cache
def _policies() -> dict[str, str]:
    """What the middleware of the long way puts on every answer of the API."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Content-Security-Policy": build_policy(),
    }


def said(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """The answer in JSON, as REST framework writes it."""
    text = json.dumps(body, separators=(",", ":"))
    return HttpResponse(
        text,
        status=status,
        headers={
            "Content-Type": "application/json",
            "Content-Length": str(len(text)),
            **_policies(),
            **(headers or {}),
        },
    )
