"""Refused requests are security events, at a bounded rate."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from api.security.record import Kind, record_seldom

REFUSED = (401, 403)


class NoteRefusals:
    """Record an answer of 401 or 403: by user, token or address, and by route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code in REFUSED:
            match = request.resolver_match
            pattern = match.route if match else request.path[:200]
            route = "/" + pattern.strip("/^$")
            record_seldom(
                Kind.REFUSED,
                f"{request.method} {route}",
                request=request,
                status=response.status_code,
            )
        return response
