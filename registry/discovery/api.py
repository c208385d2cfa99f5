"""`/api/v1/ipmanager/changes`, `…/templates` and `…/export/FORMAT`: discovery for services and for
other programs."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, path
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotFound
from registry import serializers as shapes
from registry.api import FINDS, View
from registry.discovery import wait
from registry.environments import lookup
from registry.environments.templates import TEMPLATES
from registry.export import FORMATS, Export, Format, Options
from registry.models import Service

PAGE = "/admin/registry/service/"


class OneFormat(BaseContentNegotiation):
    """The URL names the format, so the Accept header is ignored."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class Changes(View):
    """The services of an environment, as soon as one of them changes (long polling)."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.ChangesQuery],
        responses=shapes.ChangesSerializer,
        description=(
            "Without `since`, or with an outdated one, the services at once. Otherwise after their "
            "next change, or at the latest after `wait` seconds with `changed` false. "
            "503 with Retry-After: too many callers are waiting already."
        ),
    )
    def get(self, request: Request) -> Response:
        values = shapes.validated_query(shapes.ChangesQuery, request)
        config = lookup.environment(values["environment"])
        snapshot = wait.changed(config.environment, values["since"], values["wait"])
        body = {"cursor": snapshot.cursor, "changed": False, "services": None}
        if snapshot.cursor != values["since"]:
            body |= {"changed": True, "services": shapes.peers(snapshot.services)}
        return Response(body)


class Templates(View):
    """Settings for common deployments, to send to `config`, and the exports that fit each."""

    needs = {"get": FINDS}

    @extend_schema(responses=shapes.TemplateSerializer(many=True), operation_id="templates_list")
    def get(self, request: Request) -> Response:
        shapes.validated_query(shapes.NoQuery, request)
        return Response(shapes.TemplateSerializer(list(TEMPLATES.values()), many=True).data)


class ExportView(View):
    """The services of an environment as a file for another program."""

    needs = {"get": FINDS}
    content_negotiation_class = OneFormat

    @extend_schema(
        parameters=[
            OpenApiParameter("format", OpenApiTypes.STR, "path", enum=list(FORMATS)),
            shapes.ExportQuery,
        ],
        responses={(200, "*/*"): OpenApiTypes.ANY},
        description=(
            "With an ETag: If-None-Match answers 304. IPManager-Left-Out is the number of services "
            "that the format cannot hold; most files name them at their top."
        ),
    )
    def get(self, request: Request, format: str) -> HttpResponse:
        chosen = format_named(format)
        values = shapes.validated_query(shapes.ExportQuery, request)
        environment = lookup.environment(values["environment"]).environment
        export = export_of(chosen, environment, values["domain"])
        response = HttpResponse(export.data, content_type=chosen.media_type)
        response["Content-Disposition"] = f'inline; filename="{chosen.filename}"'
        response["IPManager-Left-Out"] = str(len(export.left_out))
        response["ETag"] = f'"{hashlib.sha256(export.data).hexdigest()[:32]}"'
        return get_conditional_response(request, response["ETag"], response=response) or response


def format_named(name: str) -> Format:
    """The format of this name. Raises NotFound, which lists the existing ones."""
    if name not in FORMATS:
        raise NotFound(
            _("There is no format “%s”.") % name[:40], _("Formats: %s.") % ", ".join(FORMATS)
        )
    return FORMATS[name]


def export_of(chosen: Format, environment: str, domain: str = "") -> Export:
    """The services of an environment in this format. The default domain is ENVIRONMENT.internal."""
    options = Options(domain or f"{environment}.internal", settings.PUBLIC_URL + PAGE)
    return chosen.render(Service.objects.records(environment), options)


urlpatterns: list[URLPattern] = [
    path("changes", Changes.as_view()),
    path("templates", Templates.as_view()),
    path("export/<str:format>", ExportView.as_view()),
]
