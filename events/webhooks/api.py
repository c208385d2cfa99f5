"""The REST API of webhooks."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import Right
from api.known_fields import checked, refuse_body
from api.resources import Resource
from core.history import origin
from events.webhooks import queue
from events.webhooks import serializers as shapes
from events.webhooks.models import Webhook, WebhookDelivery

CHANGE = Right("admin", "events.change_webhook")
VIEW = Right("read", "events.view_webhook")


class WebhookFilters(filters.FilterSet):
    enabled = filters.BooleanFilter()
    name = filters.CharFilter()

    class Meta:
        model = Webhook
        fields: list[str] = []


class Webhooks(Resource):
    """The caller's webhooks; a superuser sees all. They tell of the whole network, so a token that
    is confined to networks cannot use them."""

    queryset = Webhook.objects.select_related("owner").order_by("name", "pk")
    serializer_class = shapes.WebhookSerializer
    filterset_class = WebhookFilters
    ordering_fields = ["name", "created_at", "failing_since"]
    scope = "admin"
    confine = None  # type: ignore[assignment]
    rights = {"test": CHANGE, "replay": CHANGE, "rotate": CHANGE, "deliveries": VIEW}
    parameters = {**Resource.parameters, "deliveries": ("state",)}

    def get_queryset(self) -> QuerySet:
        rows: Any = super().get_queryset()
        return rows.seen_by(self.request.user)

    def perform_create(self, serializer: Any) -> None:
        serializer.save(owner=self.request.user)

    @extend_schema(responses={201: shapes.NewWebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().create(request, *args, **kwargs)
        row = self.get_queryset().get(pk=response.data["id"])
        response.data = {**response.data, "secret": row.secrets()[0]}
        return response

    @extend_schema(request=None, responses=shapes.SecretSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def rotate(self, request: Request, pk: str) -> Response:
        """A new secret. The former one signs as well for a day."""
        refuse_body(request)
        with transaction.atomic():
            row = self.locked()
            row.set_secret()
            row.save()
        return Response(shapes.with_secret(row))

    @extend_schema(request=None, responses={201: shapes.DeliverySerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: str) -> Response:
        """Send an event of the kind `test` to this webhook. Its delivery tells how it went."""
        refuse_body(request)
        delivery = queue.add_test(self.get_object(), origin.name())
        return Response(shapes.DeliverySerializer(delivery).data, status=201)

    @extend_schema(request=shapes.ReplaySerializer, responses=shapes.ReplayedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def replay(self, request: Request, pk: str) -> Response:
        """Send again what was given up, or the deliveries that are named."""
        rows = WebhookDelivery.objects.filter(webhook=self.get_object())
        keys = checked(shapes.ReplaySerializer, request).get("deliveries")
        if keys is None:
            rows = rows.filter(state="dead")
        else:
            rows = rows.filter(pk__in=keys)
        return Response({"count": queue.replay(rows)})

    @extend_schema(
        responses=shapes.DeliverySerializer(many=True),
        parameters=[OpenApiParameter("state", str, enum=WebhookDelivery.State.values)],
    )
    @action(detail=True, filterset_class=None, ordering_fields=["id"])
    def deliveries(self, request: Request, pk: str) -> Response:
        """What was sent, or waits, or was given up; the newest first."""
        rows = WebhookDelivery.objects.filter(webhook=self.get_object()).select_related("event")
        state = request.query_params.get("state", "")
        if state:
            rows = rows.filter(state=_known_state(state))
        page = self.paginate_queryset(rows.order_by("-pk"))
        shown = shapes.DeliverySerializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(shown.data)


def _known_state(state: str) -> str:
    if state not in WebhookDelivery.State.values:
        text = _("The states are: %s.") % ", ".join(WebhookDelivery.State.values)
        raise exceptions.ValidationError({"state": [text]})
    return state
