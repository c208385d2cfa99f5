"""Limits on guessing passwords at the admin's login.

- django-axes locks an account for one address after ten wrong passwords, in the database and so for
  all web processes.
- `accounts.login.brake` delays an account that is guessed at from many addresses, likewise.
- LoginGate slows down an address that is wrong again and again under any names, before a password
  is hashed, which is what costs time.

An address from which the account has logged in before is held back by its own failures only.
`core.proxies` determines the address."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.login import brake
from accounts.models import NAME_LENGTH, LoginBrake
from api.security.record import Kind, record_seldom
from api.throttle import Buckets
from core.proxies import client_address, client_network

RATE, BURST = 0.2, 50  # wrong passwords from one address: per second, and at once
TOO_MANY_REQUESTS = 429


class LoginGate:
    """Answer 429 to an address that has sent too many wrong passwords, and to an attempt at an
    account that is guessed at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.wrong = Buckets(RATE, BURST)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path != reverse("admin:login"):
            return self.get_response(request)
        name, network = account(request), client_network(request)
        wait = self.wrong.wait(network)
        if wait and not brake.is_known(name, network):
            return locked_page(request, wait)
        attempt = brake.attempt(LoginBrake.Kind.PASSWORD, name, network)
        if attempt.wait:
            record_seldom(Kind.LOCKED_OUT, name, request=request)
            return locked_page(request, attempt.wait, name, everywhere=True)
        response = self.get_response(request)
        if response.status_code == 200:  # the form is shown again: the password was wrong
            self.wrong.take(network)
            attempt.failed(client_address(request))
        elif response.status_code == 302:
            attempt.succeeded()
        else:
            attempt.not_looked_at()
        return response


def account(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account's name as the login form reads it, cut to what the tables hold. Without this,
    each way to write a letter (Unicode's NFKC) would be a further account to guess at."""
    name = str((credentials or request.POST).get("username") or "")[:NAME_LENGTH]
    plain = unicodedata.normalize("NFKC", name.strip().replace("\0", ""))
    return plain.encode(errors="replace").decode()[:NAME_LENGTH]


def locked(request: HttpRequest, *args: Any) -> HttpResponse:
    """The answer of django-axes for an account that is locked for this address."""
    return locked_page(request, settings.AXES_COOLOFF_TIME * 3600, account(request))


def locked_page(
    request: HttpRequest, seconds: float, name: str = "", *, everywhere: bool = False
) -> HttpResponse:
    """The page for an account that is locked for this address or delayed `everywhere`, or without
    a name for an address that has to slow down."""
    context = {
        "name": name[:150],
        "everywhere": everywhere,
        "minutes": math.ceil(seconds / 60),
        "seconds": math.ceil(seconds),
        "address": client_address(request),
    }
    page = render(request, "login_locked.html", context, status=TOO_MANY_REQUESTS)
    page["Retry-After"] = str(math.ceil(seconds))
    return page
