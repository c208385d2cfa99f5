"""`/api/v1/ipmanager/changes` and `…/export/FORMAT`: how services, and what stands before them,
learn of each other."""

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
from registry import environments
from registry import serializers as shapes
from registry.api import FINDS, View
from registry.discovery import wait
from registry.export import FORMATS, Export, Format, Options
from registry.models import Service
from registry.templates import TEMPLATES

PAGE = "/admin/registry/service/"


class OneFormat(BaseContentNegotiation):
    """The address names the format, so no Accept header can ask for another."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class Changes(View):
    """The services of an environment, as soon as something about them changes."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.ChangesQuery],
        responses=shapes.ChangesSerializer,
        description="Without `since`, or with one that is no longer true, the services at once. Otherwise after their "
        "next change, or when `wait` seconds are over (it may answer earlier): then `changed` is false. "
        "503 with Retry-After: too many wait already.",
    )
    def get(self, request: Request) -> Response:
        asked = shapes.query(shapes.ChangesQuery, request)
        config = environments.named(asked["environment"])
        seen = wait.changed(config.environment, asked["since"], asked["wait"])
        told = seen.cursor != asked["since"]
        return Response(
            {
                "cursor": seen.cursor,
                "changed": told,
                "services": shapes.peers(seen.services) if told else None,
            }
        )


class Templates(View):
    """Settings for the usual kinds of deployment, to send to `config`, and the exports that go with
    each."""

    needs = {"get": FINDS}

    @extend_schema(responses=shapes.TemplateSerializer(many=True), operation_id="templates_list")
    def get(self, request: Request) -> Response:
        shapes.query(shapes.NoQuery, request)
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
        description="With an ETag: If-None-Match answers 304. IPManager-Left-Out counts the services that the format "
        "cannot hold; most files name them at their top.",
    )
    def get(self, request: Request, format: str) -> HttpResponse:
        chosen = named(format)
        asked = shapes.query(shapes.ExportQuery, request)
        environment = environments.named(asked["environment"]).environment
        made = made_of(chosen, environment, asked["domain"])
        response = HttpResponse(made.data, content_type=chosen.media_type)
        response["Content-Disposition"] = f'inline; filename="{chosen.filename}"'
        response["IPManager-Left-Out"] = str(len(made.left_out))
        response["ETag"] = f'"{hashlib.sha256(made.data).hexdigest()[:32]}"'
        return get_conditional_response(request, response["ETag"], response=response) or response


def named(name: str) -> Format:
    """The format of this name. Raises NotFound with those that there are."""
    if name not in FORMATS:
        raise NotFound(
            _("There is no format “%s”.") % name[:40], _("There are: %s.") % ", ".join(FORMATS)
        )
    return FORMATS[name]


def made_of(chosen: Format, environment: str, domain: str = "") -> Export:
    """The services of an environment in this format; without a domain, in the environment's own
    below `internal`."""
    options = Options(domain or f"{environment}.internal", settings.PUBLIC_URL + PAGE)
    return chosen.render(Service.objects.records(environment), options)


urlpatterns: list[URLPattern] = [
    path("changes", Changes.as_view()),
    path("templates", Templates.as_view()),
    path("export/<str:format>", ExportView.as_view()),
]
