"""Middleware of the site."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from api import problems

LARGE = 1024 * 1024  # bytes


class KnownLength:
    """411 for a body in chunks (RFC 9112, 7.1). It has no length in WSGI, so Django would read
    none of it and carry out half a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" not in request.META or request.META.get("CONTENT_LENGTH"):
            return self.get_response(request)
        length_required = problems.problem(
            411,
            _("The length of the body is not known."),
            hint=_("Send Content-Length; a body in chunks is not supported."),
        )
        return problems.as_response(length_required)


class LargeBody:
    """403 for a large body of somebody who has not logged in, before it is stored: the check of a
    form's token reads all of it. The API refuses such a caller by itself, unread."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_large = length.isdecimal() and int(length) > LARGE
        if not is_large or request.path.startswith("/api/") or request.user.is_authenticated:
            return self.get_response(request)
        refused = problems.problem(
            403, _("Log in before you send so much."), hint=_("Log in, and send it again.")
        )
        return problems.as_response(refused)
