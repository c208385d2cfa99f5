"""What every request passes on its way."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from api import problems


class KnownLength:
    """A body in chunks has no length in WSGI, so Django takes it for none: half a request must not
    be carried out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" not in request.META or request.META.get("CONTENT_LENGTH"):
            return self.get_response(request)
        hint = _("Send Content-Length; a body in chunks cannot be read here.")
        status, body, headers = problems.problem(
            411, _("The length of the body is not known."), hint=hint
        )
        return JsonResponse(
            body, status=status, content_type=problems.CONTENT_TYPE, headers=headers
        )
