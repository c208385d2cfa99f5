"""Webhooks and deliveries as JSON."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from api.known_fields import KnownFields
from api.resources import ChosenFields
from events.webhooks.models import Webhook, WebhookDelivery
from ipam.api.serializers import Ledger

_READ_ONLY = [
    "fingerprint",
    "paused",
    "failing_since",
    "last_success_at",
    "last_failure_at",
    "last_error",
    "delivered",
    "created_at",
    "updated_at",
]


class WebhookSerializer(Ledger):
    kinds = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    subnets = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    owner = serializers.CharField(source="owner.username", read_only=True, default=None)
    paused = serializers.BooleanField(source="is_paused", read_only=True)

    class Meta:
        model = Webhook
        fields = [
            "id",
            "name",
            "url",
            "enabled",
            "kinds",
            "subnets",
            "site",
            "ca",
            "timeout",
            "owner",
            *_READ_ONLY,
        ]
        read_only_fields = _READ_ONLY


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class SecretSerializer(serializers.Serializer):
    """A new secret, which is shown this once."""

    secret = serializers.CharField()
    fingerprint = serializers.CharField()


class DeliverySerializer(ChosenFields, serializers.ModelSerializer):
    """One event for one webhook, and how the last attempt ended."""

    kind = serializers.CharField(source="event.kind")
    subject = serializers.CharField(source="event.subject")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "event",
            "kind",
            "subject",
            "state",
            "attempts",
            "next_at",
            "first_at",
            "last_at",
            "status_code",
            "error",
            "milliseconds",
            "answer",
            "request_headers",
            "created_at",
        ]


class ReplaySerializer(KnownFields):
    deliveries = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18 - 1),
        required=False,
        max_length=1000,
        help_text="The deliveries to send again; without it, all that were given up.",
    )

    def validate_deliveries(self, keys: list[int]) -> list[int]:
        if not keys:
            raise serializers.ValidationError(_("Name at least one delivery."))
        return keys


class ReplayedSerializer(serializers.Serializer):
    count = serializers.IntegerField()


def with_secret(webhook: Any) -> dict[str, str]:
    return {"secret": webhook.secrets()[0], "fingerprint": webhook.fingerprint}
