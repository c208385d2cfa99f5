"""The middleware of the admin's own pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class AdminPolicy:
    """Replace the Content-Security-Policy of the admin's pages, and of no others, by
    settings.ADMIN_CONTENT_SECURITY_POLICY, which allows what the admin's scripts need."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if match and "admin" in match.namespaces:
            policy = settings.ADMIN_CONTENT_SECURITY_POLICY
            response._csp_replace = policy  # type: ignore[attr-defined]  # (django-csp reads it)
        return response
