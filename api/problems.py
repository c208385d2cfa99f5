"""How the API says no: `application/problem+json` (RFC 9457), the same shape whatever went wrong.

    {"title": "Conflict", "status": 409, "code": "conflict", "detail": "10.0.0.5 is taken by …",
     "hint": "Choose another address.", "errors": {"ip_address": ["…"]}}

`errors` is there when fields are to blame, `hint` when there is something to do about it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import Clash, IPManagerError

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
WHOLE = "row"  # the key of errors that belong to no single field
Errors = dict[str, list[str]]
Problem = tuple[int, dict[str, Any], dict[str, str]]  # status, body, headers
AWAY = (OperationalError, InterfaceError)  # the database is being restarted, or has just been
SOON = {"Retry-After": "1"}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler. None, and so a 500 with a traceback in the log, for our
    own faults only."""
    answer = describe(error)
    if answer is None:
        return None
    set_rollback()
    status, body, headers = answer
    response = Response(body, status=status, headers=headers)
    response.content_type = CONTENT_TYPE
    return response


def describe(error: Exception) -> Problem | None:
    """Status, body and headers for an exception."""
    match error:
        case IPManagerError():
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
            return told(
                error.status,
                error.message,
                code=error.code,
                hint=error.hint,
                errors=error.errors,
                headers=headers,
            )
        case ValidationError():
            return of_fields(error)
        case exceptions.APIException():
            return of_framework(error)
        case ProtectedError():
            held = ", ".join(sorted(str(row) for row in list(error.protected_objects)[:5]))
            return told(
                409,
                _("Other rows still refer to it: %s.") % held,
                hint=_("Delete or change them first."),
            )
        case DataError():
            logger.warning("the database cannot keep this: %s", error)
            return told(
                400, _("A value is too large, or holds signs that the database cannot keep.")
            )
        case IntegrityError():
            logger.warning("refused by a constraint of the database: %s", error)
            return told(
                409,
                _("Another change came first, or a rule of the database forbids this one."),
                hint=_("Read the row again and retry."),
            )
        case OperationalError() | InterfaceError():
            logger.error("the database does not answer: %s", str(error).strip())
            return database_away()
        case Http404():
            return told(404, _("There is no such row."))
        case PermissionDenied():
            return told(403, _("You may not do this."))
        case RequestDataTooBig():
            return told(413, _("The request is too large."))
        case SuspiciousOperation():
            return told(400, str(error))
    return None


def told(
    status: int,
    detail: object,
    *,
    code: str = "",
    hint: object = "",
    errors: Errors | None = None,
    headers: dict[str, str] | None = None,
) -> Problem:
    """Status, body and headers of a problem."""
    phrase = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "title": phrase,
        "status": status,
        "code": code or phrase.lower().replace(" ", "_"),
        "detail": str(detail),
    }
    if hint:
        body["hint"] = str(hint)
    if errors:
        body["errors"] = errors
    return status, body, headers or {}


def of_fields(error: ValidationError) -> Problem:
    """Rules that were broken: 409 when only something that exists already is in the way, else
    400."""
    errors = {
        WHOLE if name == "__all__" else name: list(sentences)
        for name, sentences in messages(error).items()
    }
    status = 409 if all(map(is_clash, parts(error))) else 400
    return told(
        status, first_of(errors), code="conflict" if status == 409 else "invalid", errors=errors
    )


def messages(error: ValidationError) -> Errors:
    return error.message_dict if hasattr(error, "error_dict") else {WHOLE: error.messages}


def parts(error: ValidationError) -> Iterator[ValidationError]:
    """The single sentences, each an error with a message and a code."""
    if hasattr(error, "error_dict"):
        for found in error.error_dict.values():
            yield from found
    else:
        yield from error.error_list


def is_clash(part: ValidationError) -> bool:
    return isinstance(part.message, Clash) or part.code in ("unique", "unique_together")


def of_framework(error: exceptions.APIException) -> Problem:
    """What REST framework itself refused: shapes, credentials, methods, paths."""
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = f"{error.wait:.0f}"  # type: ignore[attr-defined]
    status = error.status_code
    if isinstance(error, exceptions.ValidationError):
        errors = flattened(error.detail)
        return told(status, first_of(errors), code="invalid", errors=errors, headers=headers)
    code = error.get_codes()
    return told(status, error.detail, code=code if isinstance(code, str) else "", headers=headers)


def flattened(detail: Any, name: str = "") -> Errors:
    """Nested errors of serializers under dotted names: `rows.3.hostname`."""
    if isinstance(detail, Mapping):
        pairs = [(f"{name}.{key}" if name else str(key), value) for key, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(value, Mapping | list) for value in detail):
        pairs = [
            (f"{name}.{index}" if name else str(index), value) for index, value in enumerate(detail)
        ]
    else:
        key = WHOLE if name in ("", "non_field_errors") else name
        return {key: [str(value) for value in (detail if isinstance(detail, list) else [detail])]}
    found: Errors = {}
    for key, value in pairs:
        if value:
            found |= flattened(value, key)
    return found


def first_of(errors: Errors) -> str:
    """The first sentence, which for most requests is the only one."""
    for name, sentences in errors.items():
        return sentences[0] if name == WHOLE else f"{name}: {sentences[0]}"
    return _("The request is not valid.")


def unknown_route(request: HttpRequest, path: str = "") -> JsonResponse:
    """Every address below /api/ that no route has."""
    status, body, _headers = told(404, _("There is no route %s.") % request.path)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def database_away() -> Problem:
    """It is being restarted, or the way to it is cut: the same request may succeed in a moment."""
    return told(503, _("The database does not answer."), hint=_("Try again later."), headers=SOON)


def internal_error() -> Problem:
    """A fault of ours; the log has its traceback."""
    return told(500, _("Something broke here."), hint=_("It is in the log."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what came out of a view or never reached one. The log has it with its
    traceback."""
    away = isinstance(sys.exception(), AWAY)
    if request.path.startswith("/api/"):
        status, body, headers = database_away() if away else internal_error()
        return JsonResponse(body, status=status, headers=headers, content_type=CONTENT_TYPE)
    # Without the request: who is logged in stands in the database.
    page = loader.get_template("503.html" if away else "500.html").render()
    return HttpResponse(page, status=503 if away else 500, headers=SOON if away else None)
