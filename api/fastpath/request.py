"""Which requests the fast path takes: those that every library sends, without anything unusual."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

UNUSUAL = {"HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_TRANSFER_ENCODING"}
PLAIN_JSON = ("application/json", "utf-8", "")  # media type, charset and query string
JSON_RANGES = {"*/*", "application/*", "application/json"}


def is_plain(request: HttpRequest) -> bool:
    """Whether the request is for this site, accepts JSON, and has no header that needs Django."""
    if not UNUSUAL.isdisjoint(request.META):
        return False
    if not _accepts_json(request.META.get("HTTP_ACCEPT", "*/*")):
        return False
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return False
    return _is_allowed_host(_host(request), tuple(settings.ALLOWED_HOSTS))


def json_object(request: HttpRequest, names: Iterable[str]) -> dict[str, Any] | None:
    """The JSON object of the body if it has no other keys than these, else None.

    Only UTF-8 without a byte order mark: REST framework reads nothing else, `json.loads` more."""
    parameters: Any = request.content_params
    charset = parameters.get("charset", "utf-8").lower()
    if (request.content_type, charset, request.META.get("QUERY_STRING", "")) != PLAIN_JSON:
        return None
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return None
    try:
        body = json.loads(request.body.decode() or "{}")
    except (ValueError, RecursionError):
        return None
    if isinstance(body, dict) and body.keys() <= set(names):
        return body
    return None


@lru_cache(1000)
def _accepts_json(accept: str) -> bool:
    """Whether one of the media ranges (RFC 9110, 12.5.1) is plainly JSON. REST framework obeys an
    `indent` parameter, so a header that has one goes to Django."""
    ranges = {part.partition(";")[0].strip() for part in accept.split(",")}
    return "indent" not in accept and not JSON_RANGES.isdisjoint(ranges)


def _host(request: HttpRequest) -> str:
    """As HttpRequest.get_host: an empty Host header is a header, too, and names no host."""
    return request.META.get("HTTP_HOST", request.META["SERVER_NAME"])


@lru_cache(1000)
def _is_allowed_host(host: str, allowed: tuple[str, ...]) -> bool:
    """As HttpRequest.get_host decides."""
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
