"""The API's description of itself: OpenAPI 3.1, served at /api/schema/, read by people at
/api/docs/."""

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

from api.idempotency import HEADER, Repeatable
from api.problems import CONTENT_TYPE

FIELDS = OpenApiParameter(
    "fields",
    OpenApiTypes.STR,
    description="Only these fields, as in id,hostname; all others are left out.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag that was read; 412 if the row changed.",
)
ONCE = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Makes a repeat harmless: the same key and request get the first answer again, for 24 hours.",
)
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
WRONG = {
    "400": "The request is wrong; `errors` names the fields.",
    "401": "Credentials are missing, or are not good.",
    "403": "The caller may not do this.",
    "404": "There is no such row, or not for this caller.",
    "405": "The route knows no such method.",
    "406": "The route has no such media type.",
    "409": "Something that exists is in the way.",
    "412": "Somebody has changed the row since it was read.",
    "413": "The body is too large.",
    "415": "The body is of another type than the route reads.",
    "422": "The Idempotency-Key stands for another request.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "A part that is needed does not answer; try again.",
}
ALWAYS = ("401", "403", "405", "406", "429", "503")
OF_BODIES = ("400", "404", "409", "413", "415")


class Schema(AutoSchema):
    """What REST framework's views do not say themselves."""

    def get_override_parameters(self) -> list[Any]:
        action = getattr(self.view, "action", "")
        if action in ("list", "retrieve"):
            return [FIELDS]
        if action in ("update", "partial_update", "destroy"):
            return [IF_MATCH]
        return [ONCE] if self.method == "POST" and isinstance(self.view, Repeatable) else []

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
    """Every operation may answer with a problem."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                _may_be_a_problem(operation["responses"], status)
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    """What may go wrong here."""
    parameters = {
        parameter["name"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "path"
    }
    found = {*ALWAYS}
    if "requestBody" in operation or method in ("post", "put", "patch", "delete"):
        found |= {*OF_BODIES}
    if parameters:
        found |= {"400", "404"}
    if "{" in path:
        found.add("404")
    if "If-Match" in parameters:
        found.add("412")
    if HEADER in parameters:
        found.add("422")
    return found


def _may_be_a_problem(responses: dict[str, Any], status: str) -> None:
    told = responses.setdefault(status, {"description": WRONG[status]})
    told.setdefault("content", {})[CONTENT_TYPE] = {
        "schema": {"$ref": "#/components/schemas/Problem"}
    }


@require_safe
@staff_member_required(login_url="admin:login")
def docs(request: HttpRequest) -> HttpResponse:
    """The description, to read and to try; its scripts and styles are our own files."""
    return render(request, "api/docs.html")
