"""The middleware of the admin's own pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.core.exceptions import BadRequest
from django.db.models import Field, IntegerField, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

from ipam.admin.pickers import is_key

_ADMIN = {"admin", "changes", "past", "importers"}  # the namespaces of the admin's own pages


class AdminPolicy:
    """Replace the Content-Security-Policy of the admin's pages, and of no others, by
    settings.ADMIN_CONTENT_SECURITY_POLICY, which allows what the admin's scripts need."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if match and not _ADMIN.isdisjoint(match.namespaces):
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


class AdminFilters:
    """Redirect a list with a NUL in the value of a filter to the list without filters, with the
    flag of Django's own redirect for impossible filters. PostgreSQL refuses a NUL only when the
    rows are read, after Django's check of the filters."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        page = getattr(view, "model_admin", None)
        if page is None or not _is_list(request, page.model) or not _has_nul(request.GET):
            return None
        return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")


def _is_list(request: HttpRequest, model: type[Model]) -> bool:
    name = f"{model._meta.app_label}_{model._meta.model_name}_changelist"
    return request.resolver_match is not None and request.resolver_match.url_name == name


def _has_nul(query: QueryDict) -> bool:
    """Whether a name or a value has one; the form of the search box refuses its own."""
    filters = query.copy()
    filters.pop(SEARCH_VAR, None)
    return "%00" in filters.urlencode()


def _can_be(key: Field, text: str) -> bool:
    if isinstance(key, IntegerField):
        return is_key(text)
    return text.isprintable()
