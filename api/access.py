"""Who may do what at the API: a token by its scopes and its user's rights, a session by the user's
rights alone.

A view says what an action needs by `scope`, the scope for writing, and where the usual rights do
not fit by `rights`. A view that says nothing lets nobody in. A token that is confined to some
networks sees rows of these only (`confine`); a view that does not know how to do that does not let
it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.models import Network, Token

VERBS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


@dataclass(frozen=True)
class Right:
    """What an action needs: a scope of the token (`other`, where there is one, will do as well),
    and a permission of its user (`ipam.change_ipaddress`)."""

    scope: str
    permission: str
    other: str = ""


class Access(BasePermission):
    """Deny by default."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = needed(request, view)
        if right is None or not may(request, right):
            return False
        if confines(request) and getattr(view, "confine", None) is None:
            self.message = _(
                "This token is for some networks only, and this route knows no such bounds."
            )
            return False
        return True


def confines(request: Request) -> list[Network]:
    """The networks that the caller's token is confined to; empty when it is not."""
    return request.auth.confines if isinstance(request.auth, Token) else []


def needed(request: Request, view: Any) -> Right | None:
    """The right that this request needs, or None when the view does not say."""
    special: dict[str, Right] = getattr(view, "rights", {})
    if right := special.get(getattr(view, "action", None) or ""):
        return right
    queryset, scope = getattr(view, "queryset", None), getattr(view, "scope", "")
    if queryset is None or not scope:
        return None
    meta = queryset.model._meta
    if request.method in SAFE_METHODS:
        return Right("read", f"{meta.app_label}.view_{meta.model_name}")
    verb = VERBS.get(request.method or "")
    return Right(scope, f"{meta.app_label}.{verb}_{meta.model_name}") if verb else None


def may(request: Request, right: Right) -> bool:
    """Whether the caller's token and user both allow it. Staff alone may come with a session."""
    user, token = request.user, request.auth
    if not user or not user.is_authenticated:
        return False
    if isinstance(token, Token):
        scoped = token.allows(right.scope) or bool(right.other and token.allows(right.other))
        return scoped and user.has_perm(right.permission)
    return user.is_staff and user.has_perm(right.permission)


def is_admin(request: Request) -> bool:
    """Whether the caller may do what only administrators may, such as deleting by force."""
    token = request.auth
    return bool(request.user.is_superuser) and (
        not isinstance(token, Token) or token.allows("admin")
    )
