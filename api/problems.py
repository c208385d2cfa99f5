"""Errors of the API as `application/problem+json` (RFC 9457), one shape for every cause.

    {"title": "Conflict", "status": 409, "code": "conflict", "detail": "10.0.0.5 is taken by …",
     "hint": "Choose another address.", "errors": {"ip_address": ["…"]}}

`errors` names the fields at fault, `hint` says what to do about it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import chain
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
from django.urls import resolve
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from api.access import confines
from api.confinement import Readable
from api.models import Network
from core.errors import Clash, IPManagerError, Reason
from core.logs import database_away

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
WHOLE = "row"  # the key of errors that belong to no single field
Errors = dict[str, list[str]]
Problem = tuple[int, dict[str, Any], dict[str, str]]  # status, body, headers
# The database is being restarted, or has just been.
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
RETRY_AFTER = {"Retry-After": "1"}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler. None, and so a 500 with a traceback in the log, only for
    faults of our own."""
    described = describe(error)
    if described is None:
        return None
    set_rollback()
    if networks := confines(context["request"]):
        described = readable(described, networks)
    status, body, headers = described
    response = Response(body, status=status, headers=headers)
    response.content_type = CONTENT_TYPE
    return response


def describe(error: Exception) -> Problem | None:
    """The problem that an exception stands for; None for a fault of our own."""
    for kind, describe_kind in _DESCRIPTIONS:
        if isinstance(error, kind):
            return describe_kind(error)
    return None


def readable(described: Problem, networks: Sequence[Network]) -> Problem:
    """The problem as a token that is confined to these networks may read it."""
    _status, body, headers = described
    errors: Errors = body.get("errors", {})
    sentences = [body["detail"], *chain.from_iterable(errors.values())]
    allowed = Readable(sentences, networks)
    if all(sentence in allowed for sentence in sentences):
        return described
    hidden = [_("Not available to this token.")]
    shown: Errors = {}
    for name, found in errors.items():
        shown[name] = found
        if not all(sentence in allowed for sentence in found):
            shown[name] = hidden
    detail = body["detail"]
    if detail not in allowed:
        detail = first_sentence(shown or {WHOLE: hidden})
    return problem(409, detail, code="conflict", errors=shown, headers=headers)


def problem(
    status: int,
    detail: object,
    *,
    code: str = "",
    hint: object = "",
    errors: Errors | None = None,
    headers: dict[str, str] | None = None,
    details: dict[str, Any] | None = None,
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
    body |= details or {}
    return status, body, headers or {}


def as_response(described: Problem) -> JsonResponse:
    """The problem as a response outside of REST framework."""
    status, body, headers = described
    return JsonResponse(body, status=status, headers=headers, content_type=CONTENT_TYPE)


# --- kinds of exceptions --------------------------------------------------------------------------


def own_error(error: IPManagerError) -> Problem:
    headers = {}
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    return problem(
        error.status,
        error.message,
        code=error.code,
        hint=error.hint,
        errors=error.errors,
        headers=headers,
        details=error.details,
    )


def validation_error(error: ValidationError) -> Problem:
    """Broken rules of a model: 409 when only something that exists already is in the way, else
    400."""
    errors = messages(error)
    detail = first_sentence(errors)
    if all(map(is_clash, parts(error))):
        return problem(409, detail, code="conflict", errors=errors)
    return problem(400, detail, code="invalid", errors=errors)


def framework_error(error: exceptions.APIException) -> Problem:
    """What REST framework itself refuses: shapes, credentials, methods, paths."""
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = f"{wait:.0f}"
    status = error.status_code
    if isinstance(error, exceptions.ValidationError):
        errors = flattened(error.detail)
        return problem(
            status, first_sentence(errors), code="invalid", errors=errors, headers=headers
        )
    code = error.get_codes()
    if not isinstance(code, str):
        code = ""
    return problem(status, Reason(error.detail), code=code, headers=headers)


def protected_error(error: ProtectedError) -> Problem:
    rows: list[Any] = list(error.protected_objects)[:5]
    text = _("Other rows still refer to it: %s.") % ", ".join(sorted(map(str, rows)))
    return problem(409, Reason(text, *rows), hint=_("Delete or change them first."))


def data_error(error: DataError) -> Problem:
    logger.warning("the database cannot store this: %s", error)
    text = _("A value is too large, or contains characters that the database cannot store.")
    return problem(400, Reason(text))


def integrity_error(error: IntegrityError) -> Problem:
    logger.warning("refused by a constraint of the database: %s", error)
    text = _("Another change came first, or a rule of the database forbids this one.")
    return problem(
        409,
        Reason(text),
        hint=_("Read the row again and retry."),
    )


def connection_error(error: Exception) -> Problem:
    database_away.report(logger, error)
    return database_unavailable()


# The first kind that fits describes the exception.
_DESCRIPTIONS: tuple[tuple[Any, Callable[[Any], Problem]], ...] = (
    (IPManagerError, own_error),
    (ValidationError, validation_error),
    (exceptions.APIException, framework_error),
    (ProtectedError, protected_error),
    (DataError, data_error),
    (IntegrityError, integrity_error),
    (DATABASE_UNAVAILABLE, connection_error),
    (Http404, lambda error: problem(404, Reason(_("There is no such row.")))),
    (
        PermissionDenied,
        lambda error: problem(403, Reason(_("You do not have permission to do this."))),
    ),
    (RequestDataTooBig, lambda error: problem(413, Reason(_("The request is too large.")))),
    (SuspiciousOperation, lambda error: problem(400, Reason(error))),
)


# --- their parts ----------------------------------------------------------------------------------


def messages(error: ValidationError) -> Errors:
    """The sentences of the error by the name of their field."""
    if hasattr(error, "error_dict"):
        return {_row_key(name): _sentences(found) for name, found in error.error_dict.items()}
    return {WHOLE: _sentences(error.error_list)}


def _sentences(parts: list[ValidationError]) -> list[str]:
    """What Django's own checks of a field say is a Reason: it is about the value only. That a value
    must be unique is about another row, and does not say which."""
    found: list[str] = []
    for part in parts:
        sentences = part.messages
        if part.code and not is_clash(part):
            sentences = [Reason(sentence) for sentence in sentences]
        found += sentences
    return found


def parts(error: ValidationError) -> Iterator[ValidationError]:
    """The single sentences, each an error with a message and a code."""
    if hasattr(error, "error_dict"):
        for found in error.error_dict.values():
            yield from found
    else:
        yield from error.error_list


def is_clash(part: ValidationError) -> bool:
    """Whether something that exists already is in the way."""
    return isinstance(part.message, Clash) or part.code in ("unique", "unique_together")


def flattened(detail: Any, name: str = "") -> Errors:
    """Nested errors of serializers under dotted names: `rows.3.hostname`. They speak of the request
    only, so each is a Reason."""
    if not _is_nested(detail):
        if not isinstance(detail, list):
            detail = [detail]
        return {_row_key(name): list(map(Reason, detail))}
    found: Errors = {}
    for key, value in _items(detail):
        if value:
            path = f"{name}.{key}" if name else str(key)
            found |= flattened(value, path)
    return found


def _is_nested(detail: Any) -> bool:
    if isinstance(detail, list):
        return any(isinstance(value, Mapping | list) for value in detail)
    return isinstance(detail, Mapping)


def _items(detail: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values of a mapping, or positions and values of a list."""
    if isinstance(detail, Mapping):
        yield from detail.items()
    else:
        yield from enumerate(detail)


def _row_key(name: str) -> str:
    """The name of a field, or WHOLE where Django or REST framework blames no field."""
    if name in ("", "__all__", "non_field_errors"):
        return WHOLE
    return name


def first_sentence(errors: Errors) -> str:
    """The first sentence, which for most requests is the only one."""
    for name, sentences in errors.items():
        if name == WHOLE:
            return sentences[0]
        return Reason.joined([Reason(f"{name}:"), sentences[0]])
    return _("The request is not valid.")


# --- problems without an exception ----------------------------------------------------------------


@csrf_exempt  # it does nothing, so a request by another site does no harm
def unknown_route(request: HttpRequest, path: str = "") -> JsonResponse:
    """404 for every path below /api/ that has no route, whatever the method and the caller."""
    hint = ""
    if not request.path.endswith("/") and resolve(f"{request.path}/").func is not unknown_route:
        hint = _("Add the slash at its end.")
    return as_response(problem(404, _("There is no route %s.") % request.path, hint=hint))


def database_unavailable() -> Problem:
    """503: the same request may succeed in a moment."""
    return problem(
        503,
        Reason(_("The database does not answer.")),
        hint=_("Try again later."),
        headers=RETRY_AFTER,
    )


def internal_error() -> Problem:
    """500: a fault of our own; the log has its traceback."""
    return problem(500, _("Something broke here."), hint=_("It is in the log."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: an exception that no view has handled. The log has its traceback."""
    unavailable = isinstance(sys.exception(), DATABASE_UNAVAILABLE)
    if request.path.startswith("/api/"):
        describe_fault = database_unavailable if unavailable else internal_error
        return as_response(describe_fault())
    # Rendered without the request: the user of its session is in the database.
    if unavailable:
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers=RETRY_AFTER)
    return HttpResponse(loader.get_template("500.html").render(), status=500)
