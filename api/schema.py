"""The description of the API: OpenAPI 3.1 at /api/schema/, and as a page at /api/docs/."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from api import as_of
from api.as_of.resource import Past
from api.idempotency import HEADER, Repeatable
from api.parsers import MAX_ROWS
from api.problems import CONTENT_TYPE

FIELDS = OpenApiParameter(
    "fields",
    OpenApiTypes.STR,
    description="Return only these fields, as in id,hostname.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the row as it was read; 412 if it has changed.",
)
ONCE = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Makes a repeat harmless: the same key and request get the first response again, "
    "for 24 hours.",
)
ROWS = {"type": "array", "minItems": 1, "maxItems": MAX_ROWS}  # of a request to bulk/
ROW_KEY = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
TEXTS = {"type": "array", "items": {"type": "string"}}
PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what to do about it (RFC 9457).",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": TEXTS},
    },
    "required": ["title", "status", "code", "detail"],
    "examples": [
        {
            "title": "Conflict",
            "status": 409,
            "code": "conflict",
            "detail": "ip_address: 10.0.0.5 is taken by web-1.",
            "errors": {"ip_address": ["10.0.0.5 is taken by web-1."]},
        }
    ],
}
STATUSES = {
    "400": "The request is wrong; `errors` names the fields.",
    "401": "Credentials are missing or wrong.",
    "403": "The caller does not have permission.",
    "404": "There is no such row, or the caller may not see it.",
    "405": "The route does not support the method.",
    "406": "The route does not produce an accepted media type.",
    "409": "Something that exists is in the way.",
    "412": "The row has changed since it was read.",
    "413": "The body is too large.",
    "415": "The route does not read this media type.",
    "422": "The Idempotency-Key was used for another request.",
    "429": "Too many requests; Retry-After says when to retry.",
    "503": "The database does not answer; retry.",
}
ALWAYS = {"401", "403", "405", "406", "429", "503"}
OF_BODIES = {"400", "404", "409", "413", "415"}
METHODS_WITH_BODY = {"post", "put", "patch", "delete"}


class Schema(AutoSchema):
    """What REST framework's views do not say themselves."""

    def get_override_parameters(self) -> list[Any]:
        action = getattr(self.view, "action", "")
        if action in ("list", "retrieve"):
            past = self._past_parameters()
            return [FIELDS, *past]
        if action in ("update", "partial_update", "destroy"):
            return [IF_MATCH]
        if self.method == "POST" and isinstance(self.view, Repeatable):
            return [ONCE]
        return []

    def _past_parameters(self) -> list[Any]:
        if isinstance(self.view, Past) and self.view.has_past():
            return [as_of.PARAMETER]
        return []

    def get_request_serializer(self) -> Any:
        serializer: Any = super().get_request_serializer()
        action = getattr(self.view, "action", "")
        if action not in ("bulk_create", "bulk_update"):
            return serializer
        row = self.resolve_serializer(serializer, "request").ref
        if action == "bulk_update":
            row = {"allOf": [row, ROW_KEY]}
        return {"application/json": {**ROWS, "items": row}}

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation and getattr(self.view, "action", "") == "bulk_delete":
            # drf-spectacular describes no body of a DELETE.
            keys = {**ROWS, "items": {"type": "integer"}}
            operation["requestBody"] = {
                "content": {"application/json": {"schema": keys}},
                "required": True,
            }
        return operation

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]


class BearerToken(OpenApiAuthenticationExtension):
    """`Authorization: Bearer TOKEN`."""

    target_class = "api.authentication.TokenAuthentication"
    name = "token"
    priority = 1  # before knox's own

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by manage.py create_token.",
        }


def describe_problems(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: every operation may answer with a problem."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                _add_problem(operation["responses"], status)
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    """The statuses of an operation's problems."""
    found = set(ALWAYS)
    if "requestBody" in operation or method in METHODS_WITH_BODY:
        found |= OF_BODIES
    if "{" in path:
        found.add("404")
    parameters = _parameters(operation)
    if parameters:
        found |= {"400", "404"}
    if "If-Match" in parameters:
        found.add("412")
    if HEADER in parameters:
        found.add("422")
    return found


def _parameters(operation: dict[str, Any]) -> set[str]:
    """The names of the parameters in queries and headers."""
    parameters = operation.get("parameters", ())
    return {parameter["name"] for parameter in parameters if parameter["in"] != "path"}


def _add_problem(responses: dict[str, Any], status: str) -> None:
    response = responses.setdefault(status, {"description": STATUSES[status]})
    response.setdefault("content", {})[CONTENT_TYPE] = {
        "schema": {"$ref": "#/components/schemas/Problem"}
    }


@require_safe
@staff_member_required(login_url="admin:login")
def docs(request: HttpRequest) -> HttpResponse:
    """The description as a page, for staff; its scripts and styles are files of this site."""
    return render(request, "api/docs.html")
