"""API tokens over the API: look at them, and replace one by a new secret.

A token with the scope `rotate` can replace itself. Every other token is for administrators, and for
people in a session that was confirmed (`accounts.reauthentication`)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import sessions
from api.access import Right
from api.known_fields import KnownFields, checked
from api.models import Token
from api.resources import refuse_unknown
from api.tokens import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS, rotate
from core.errors import NotFound


class TokenSerializer(serializers.ModelSerializer):
    """What can be shown of a token at any time."""

    key = serializers.CharField(source="token_key", read_only=True)
    user = serializers.CharField(source="user.username", read_only=True)
    expires = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = Token
        fields = [
            *("key", "name", "user", "scopes", "networks", "subnets", "services"),
            *("created", "expires", "replaced_at", "last_used"),
        ]
        read_only_fields = fields


class RotatedSerializer(serializers.Serializer):
    """The new token with its value, and until when the old one is valid."""

    token = serializers.CharField()
    old_expires = serializers.DateTimeField()
    new = TokenSerializer()


class RotateSerializer(KnownFields):
    overlap_hours = serializers.IntegerField(
        default=OVERLAP_HOURS, min_value=0, max_value=LONGEST_OVERLAP_HOURS
    )


def rotated(request: Request, token: Token) -> Response:
    """Rotate the token as the request asks; its value is shown only in this response."""
    asked = checked(RotateSerializer, request)
    new, value = rotate(token, asked["overlap_hours"])
    token.refresh_from_db()
    shown = {"token": value, "old_expires": token.expiry, "new": new}
    return Response(
        RotatedSerializer(shown).data, status=201, headers={"Cache-Control": "no-store"}
    )


def visible(request: Request) -> QuerySet[Token]:
    """A superuser's view has all tokens, everybody else's the own ones."""
    tokens = Token.objects.select_related("user").order_by("name", "created")
    if request.user.is_superuser:
        return tokens
    return tokens.filter(user=request.user.pk)


class TokensView(APIView):
    """All tokens."""

    rights = {"get": Right("admin", "ipmanager.view_token")}
    action = "get"
    serializer_class = TokenSerializer

    @extend_schema(responses=TokenSerializer(many=True), operation_id="tokens_list")
    def get(self, request: Request) -> Response:
        """Without their values, which nobody knows."""
        refuse_unknown(request)
        return Response(TokenSerializer(visible(request), many=True).data)


class RotateView(APIView):
    """Replace a token."""

    rights = {"post": Right("admin", "ipmanager.add_token")}
    action = "post"

    @extend_schema(
        request=RotateSerializer, responses={201: RotatedSerializer}, operation_id="tokens_rotate"
    )
    def post(self, request: Request, key: str) -> Response:
        """`key` is the beginning of its value, as the list shows it."""
        if not isinstance(request.auth, Token) and not sessions.is_confirmed(request):
            raise exceptions.PermissionDenied(
                _("Log in again, or confirm your password in the admin: it was too long ago.")
            )
        token = visible(request).filter(token_key=key).first()
        if token is None:
            raise NotFound(_("There is no token %s.") % key)
        return rotated(request, token)


class CurrentTokenView(APIView):
    """The token of the request."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=TokenSerializer, operation_id="tokens_current")
    def get(self, request: Request) -> Response:
        """For programs that look after their own expiry."""
        refuse_unknown(request)
        return Response(TokenSerializer(own_token(request)).data)


class RotateCurrentView(APIView):
    """Replace the token of the request."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        request=RotateSerializer,
        responses={201: RotatedSerializer},
        operation_id="tokens_rotate_current",
    )
    def post(self, request: Request) -> Response:
        """It needs the scope `rotate`. Repeat the request with the old token if the response was
        lost."""
        token = own_token(request)
        if not token.allows("rotate"):
            raise exceptions.PermissionDenied(_("This needs the scope rotate."))
        return rotated(request, token)


def own_token(request: Request) -> Any:
    if not isinstance(request.auth, Token):
        raise exceptions.PermissionDenied(_("This is for API tokens only."))
    return request.auth


SINGLE = {
    "tokens/": TokensView,
    "tokens/current/": CurrentTokenView,
    "tokens/current/rotate/": RotateCurrentView,
    "tokens/<slug:key>/rotate/": RotateView,
}
