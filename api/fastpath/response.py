"""Responses of the fast path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request, override

from api import problems

_NO_HEADERS: Mapping[str, str] = {}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class FastResponse(NamedTuple):
    """Status, headers and body; made faster than Django's HttpResponse."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS
) -> FastResponse:
    """The body as compact JSON, as REST framework writes it."""
    text = _encode(body).encode()
    own = {"Content-Type": "application/json", "Content-Length": str(len(text))}
    return FastResponse(status, {**own, **_security_headers(), **headers}, text)


def problem_response(
    request: HttpRequest, describe: Callable[[], problems.Problem]
) -> FastResponse:
    """A problem (RFC 9457) in the caller's language, which LocaleMiddleware has not set here."""
    with override(get_language_from_request(request)):
        status, body, headers = describe()
    return json_response(body, status, {**headers, "Content-Type": problems.CONTENT_TYPE})


def strict_transport_security() -> str:
    """The header that Django's SecurityMiddleware adds to a response over TLS (RFC 6797)."""
    subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}"


@cache
def _security_headers() -> dict[str, str]:
    """What Django's middleware adds to each response of the API."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Content-Security-Policy": build_policy(),
    }
