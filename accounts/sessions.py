"""Sessions of people: what is noted at login, when a password or code was last confirmed, and how
sessions are ended."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Session
from accounts.session_store import ORIGIN, digest
from api.security.record import Kind, record
from core.proxies import client_address

VERIFIED = "second_factor"  # keys in a session's data
CONFIRMED_AT = "confirmed_at"
SEEN_EVERY = 300  # seconds after which "last seen" is written again


def note_login(request: HttpRequest) -> None:
    """Note where the session is from. It ends SESSION_COOKIE_AGE after the login, used or not."""
    now = timezone.now()
    request.session[ORIGIN] = {
        "address": client_address(request) or None,
        "agent": request.META.get("HTTP_USER_AGENT", "")[:200].replace("\0", ""),
        "at": now.isoformat(),
        "seen": int(time.time()),
    }
    request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    confirm(request)


def note_use(request: HttpRequest) -> None:
    """Note now and then that the session is in use."""
    origin = request.session.get(ORIGIN)
    if origin and time.time() - origin.get("seen", 0) > SEEN_EVERY:
        origin["seen"] = int(time.time())
        request.session.modified = True


def confirm(request: HttpRequest) -> None:
    """Note that the user has just shown the password or a code."""
    request.session[CONFIRMED_AT] = int(time.time())


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the user has shown the password or a code within the last
    IPMANAGER_REAUTHENTICATE minutes."""
    if not settings.REAUTHENTICATE:
        return True
    age = time.time() - request.session.get(CONFIRMED_AT, 0)
    return 0 <= age <= 60 * settings.REAUTHENTICATE


def own_key(request: HttpRequest) -> str:
    """The key in the database of the request's own session."""
    return digest(request.session.session_key)


def of_user(user: Any) -> Any:
    """The sessions in which this user is logged in."""
    return Session.objects.filter(user=user, expire_date__gt=timezone.now())


def end_others(request: HttpRequest) -> int:
    """Log the user out everywhere but here; return the number of sessions that ended."""
    others = of_user(request.user).exclude(session_key=own_key(request))
    return end(others, request.user)


def end(rows: Any, user: object) -> int:
    """End these sessions of a user; return their number."""
    number = int(rows.delete()[0])
    if number:
        record(Kind.SESSION_ENDED, user, number=number)
    return number


def is_logged_in(request: HttpRequest) -> bool:
    """Whether the request shows a session of a user."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    return USER_KEY in request.session
