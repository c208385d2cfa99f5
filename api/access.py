"""Who may do what at the API.

A request with a token is allowed when all of these hold:

1. The token is known, has not expired, and its user is active.
2. The client's address lies in one of the token's networks, or the token has none.
3. The token's scopes hold the scope that the view names, or `admin`.
4. The user has the permission that the view names: as a superuser, by itself or by a group.
5. If the token is confined to subnets, the view shows only rows within them (`confine`).

Rules 1 and 2 are in `api.authentication`, 3 to 5 here; `api.fastpath.caller` has all of them as one
SQL statement. tests/api/test_access_rule.py tries every combination on both.

A request with a session is allowed when its user is active staff and has the permission.

A view names the scope for writing by `scope`, and where the usual rights do not fit, the right of
each action by `rights`. A view that names nothing lets nobody in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.models import Network, Token

VERBS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


@dataclass(frozen=True)
class Right:
    """What an action needs: a scope of the token (or `other`, where there is one), and a permission
    of its user, as in `ipam.change_ipaddress`."""

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
            self.message = _("This token is confined to subnets, and this route is not.")
            return False
        return True


def confines(request: Request) -> list[Network]:
    """The networks that the caller's token is confined to; empty when it is not."""
    if isinstance(request.auth, Token):
        return request.auth.confines
    return []


def needed(request: Request, view: Any) -> Right | None:
    """The right that this request needs, or None when the view does not say."""
    rights: dict[str, Right] = getattr(view, "rights", {})
    action = getattr(view, "action", None)
    if action in rights:
        return rights[action]
    queryset, scope = getattr(view, "queryset", None), getattr(view, "scope", "")
    if queryset is None or not scope:
        return None
    if request.method in SAFE_METHODS:
        return Right("read", _permission(queryset.model, "view"))
    verb = VERBS.get(request.method or "")
    if verb is None:
        return None
    return Right(scope, _permission(queryset.model, verb))


def may(request: Request, right: Right) -> bool:
    """Whether the caller's token and user both have the right. With a session the user must be
    staff."""
    user, token = request.user, request.auth
    if isinstance(token, Token):
        entitled = token.allows(right.scope) or token.allows(right.other)
    else:
        entitled = user.is_staff
    return bool(entitled) and user.has_perm(right.permission)


def is_admin(request: Request) -> bool:
    """Whether the caller may do what only administrators may, such as deleting by force."""
    token = request.auth
    if isinstance(token, Token) and not token.allows("admin"):
        return False
    return bool(request.user.is_superuser)


def _permission(model: type[Model], verb: str) -> str:
    return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"
