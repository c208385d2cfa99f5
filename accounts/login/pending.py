"""A login whose password was right and whose second factor is still missing. Until then the session
is nobody's."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import get_user_model, load_backend, login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.sessions import VERIFIED

PENDING = "pending_login"
LIFETIME = 600  # seconds


def begin(request: HttpRequest, user: Any, next_url: str) -> None:
    """Keep in the session that this user has shown the right password."""
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "backend": user.backend,
        "password": user.get_session_auth_hash(),
        "until": int(time.time()) + LIFETIME,
        "next": next_url,
    }


def user_of(request: HttpRequest) -> Any:
    """The user whose second factor is awaited, or None."""
    facts = request.session.get(PENDING)
    if not facts or time.time() > facts["until"]:
        return None
    user = get_user_model()._default_manager.filter(pk=facts["user"], is_active=True).first()
    if user and constant_time_compare(user.get_session_auth_hash(), facts["password"]):
        return user
    return None


def complete(request: HttpRequest, user: Any) -> str:
    """Log the user in; return where the login was to lead."""
    facts = request.session.pop(PENDING)
    load_backend(facts["backend"])  # raises if the site does not have it any more
    login(request, user, backend=facts["backend"])
    request.session[VERIFIED] = True
    return str(facts["next"])


def cancel(request: HttpRequest) -> None:
    if PENDING in request.session:
        request.session.flush()
