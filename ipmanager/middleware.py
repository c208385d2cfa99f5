"""The middleware of the admin's own pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest
from django.db.models import Field, IntegerField
from django.http import HttpRequest, HttpResponse

from ipam.admin.pickers import is_key


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


class AdminSelection:
    """400 for an action on rows whose keys cannot be keys of the page's model: Django would ask the
    database for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        page = getattr(view, "model_admin", None)
        if page is None or request.method != "POST":
            return
        key = page.model._meta.pk
        if not all(_can_be(key, text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("A selected row has an impossible key.")


def _can_be(key: Field, text: str) -> bool:
    if isinstance(key, IntegerField):
        return is_key(text)
    return text.isprintable()
