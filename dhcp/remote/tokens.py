"""Tokens of agents: each is for one DHCP server, and the routes of the agents alone know it."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from api.authentication import ACCEPTED
from dhcp.models import AgentToken, DhcpServer

PREFIX = "ipa_"  # by which scanners for leaked secrets know it
_NOTED = timedelta(hours=1)  # how exactly `used_at` is kept


def create(server: DhcpServer, days: int | None = None) -> tuple[AgentToken, str]:
    """A token for this server's agent, and its value, which is not stored."""
    value = PREFIX + secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(days=days) if days else None
    token = AgentToken.objects.create(
        server=server, digest=hash_token(value), key=value[:10], expires_at=expires
    )
    return token, value


class AgentAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN` of an agent. The token is no user's."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, AgentToken] | None:
        scheme, _blank, value = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not value.startswith(PREFIX):
            return None
        rows = AgentToken.objects.select_related("server")
        token = rows.filter(digest=hash_token(value.strip())).first()
        if token is None:
            raise AuthenticationFailed(_("Unknown token."))
        if token.has_expired:
            raise AuthenticationFailed(_("This token has expired."))
        _note_use(token)
        setattr(getattr(request, "_request", request), ACCEPTED, True)
        return AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsAgent(BasePermission):
    """The caller is the agent of a DHCP server: a session or another token is none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, AgentToken)


def _note_use(token: AgentToken) -> None:
    now = timezone.now()
    if token.used_at is None or now - token.used_at > _NOTED:
        AgentToken.objects.filter(pk=token.pk).update(used_at=now)
