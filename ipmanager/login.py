"""Limits on guessing passwords at the admin's login.

django-axes locks an account for one address after ten wrong passwords, in the database and so for
all web processes. LoginGate also slows down an address that is wrong again and again under any
names, before a password is hashed, which is what costs time. An account that has logged in from an
address before is not slowed down there. `core.proxies` determines the address."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from axes.models import AccessLog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from api.throttle import Buckets, client_network
from core.proxies import client_address

NAME_LENGTH = 255  # in django-axes' tables
RATE, BURST = 0.2, 50  # wrong passwords from one address: per second, and at once


class LoginGate:
    """Answer 429 to an address that has sent too many wrong passwords."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.wrong = Buckets(RATE, BURST)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path != reverse("admin:login"):
            return self.get_response(request)
        address = client_network(request)
        wait = self.wrong.wait(address)
        if wait and not has_logged_in_before(request):
            return locked_page(request, wait)
        response = self.get_response(request)
        if response.status_code == 200:  # the form is shown again: the password was wrong
            self.wrong.take(address)
        return response


def has_logged_in_before(request: HttpRequest) -> bool:
    """Whether this account has logged in from this address before."""
    name = account(request).strip().replace("\0", "")
    address = client_address(request) or None
    return AccessLog.objects.filter(username=name, ip_address=address).exists()


def account(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account's name for django-axes, cut to what its tables hold."""
    return str((credentials or request.POST).get("username") or "")[:NAME_LENGTH]


def locked(request: HttpRequest, *args: Any) -> HttpResponse:
    """The answer of django-axes for an account that is locked for this address."""
    return locked_page(request, settings.AXES_COOLOFF_TIME * 3600, request.POST.get("username", ""))


def locked_page(request: HttpRequest, seconds: float, name: str = "") -> HttpResponse:
    """The page for a locked account, or without a name for a locked address."""
    context = {
        "name": name[:150],
        "minutes": math.ceil(seconds / 60),
        "address": client_address(request),
    }
    page = render(request, "login_locked.html", context, status=429)
    page["Retry-After"] = str(math.ceil(seconds))
    return page
