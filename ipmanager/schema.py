"""The API's description of itself: OpenAPI 3.1, served at /api/schema/, read by people at /api/docs/."""

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

from ipmanager.problems import CONTENT_TYPE
from ipmanager.replay import HEADER, Repeatable

FIELDS = OpenApiParameter("fields", OpenApiTypes.STR, description="Only these fields, as in id,hostname.")
IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag that was read; 412 if the row changed."
)
ONCE = OpenApiParameter(
    HEADER, OpenApiTypes.STR, OpenApiParameter.HEADER,
    description="Makes a repeat harmless: the same key and request get the first answer again, for 24 hours.",
)  # fmt: skip
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
}


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

    target_class = "ipmanager.auth.TokenAuthentication"
    name = "token"
    priority = 1  # before knox's own

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "Made by manage.py create_token."}


def describe_problems(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Every operation may answer with a problem."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "What was wrong.", "content": content}
    return result


@require_safe
@staff_member_required(login_url="admin:login")
def docs(request: HttpRequest) -> HttpResponse:
    """The description, to read and to try; its scripts and styles are our own files."""
    return render(request, "api/docs.html")
