"""`/api/v1/mail-preference/`: what the caller wants to be told by mail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import confines
from api.known_fields import KnownFields
from api.models import Token
from api.resources import refuse_unknown
from events.mail.models import MailPreference


class IsOwn(BasePermission):
    """Everybody has preferences of their own. With a token: to read them by `read`, to change them
    by `admin`."""

    message = _("This is for people, and for tokens that are not confined to subnets.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        token = request.auth
        if not isinstance(token, Token):
            return bool(request.user.is_staff)
        scope = "read" if request.method in SAFE_METHODS else "admin"
        return token.allows(scope) and not confines(request)


class MailPreferenceSerializer(KnownFields, serializers.ModelSerializer):
    kinds = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    subnets = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    user = serializers.CharField(source="user.username", read_only=True)
    address = serializers.CharField(source="user.email", read_only=True)

    class Meta:
        model = MailPreference
        fields = [
            *("user", "address", "enabled", "frequency", "hour"),
            *("kinds", "subnets", "site", "language"),
        ]
        read_only_fields = ["language"]


class MailPreferenceView(APIView):
    """What the caller is told by mail."""

    permission_classes = [IsOwn]

    @extend_schema(responses=MailPreferenceSerializer, operation_id="mail_preference")
    def get(self, request: Request) -> Response:
        """Who has never chosen anything gets no mail: `enabled` is false."""
        refuse_unknown(request)
        return Response(MailPreferenceSerializer(_own(request)).data)

    @extend_schema(
        request=MailPreferenceSerializer,
        responses=MailPreferenceSerializer,
        operation_id="mail_preference_change",
    )
    def patch(self, request: Request) -> Response:
        """Change what is sent; mails are in the language of the request."""
        refuse_unknown(request)
        with transaction.atomic():
            row = _own(request)
            asked = MailPreferenceSerializer(row, data=request.data, partial=True)
            asked.is_valid(raise_exception=True)
            for name, value in asked.validated_data.items():
                setattr(row, name, value)
            row.language = get_language() or "en"
            row.full_clean()
            row.save()
        return Response(MailPreferenceSerializer(row).data)


def _own(request: Request) -> Any:
    user: Any = request.user
    found = MailPreference.objects.filter(user=user).first()
    return found or MailPreference(user=user, enabled=False)


SINGLE = {"mail-preference/": MailPreferenceView}
