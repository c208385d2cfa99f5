"""The login in front of people who guess.

Ten wrong passwords lock an account for one address (django-axes, in the database, for all web
processes). And an address that is wrong again and again, whatever the names, has to slow down
before any password is looked at, for looking is what costs: who has logged in from there before is
let through. `proxies` says which address it is."""

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

LONGEST = 255  # of a name, in django-axes' tables
RATE, BURST = 0.2, 50  # wrong passwords from one address: a second, and at once


class LoginGate:
    """429 for an address that guesses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.wrong = Buckets(RATE, BURST)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path != reverse("admin:login"):
            return self.get_response(request)
        address = client_network(request)
        wait = self.wrong.wait(address)
        if wait and not has_been_here(request):
            return told(request, wait)
        response = self.get_response(request)
        if response.status_code == 200:  # the form again
            self.wrong.take(address)
        return response


def has_been_here(request: HttpRequest) -> bool:
    """Whether this account has logged in from this very address before."""
    name = account(request).strip().replace("\0", "")
    return AccessLog.objects.filter(
        username=name, ip_address=client_address(request) or None
    ).exists()


def account(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Who wants in, as django-axes can write it down: the login form takes names of any length."""
    return str((credentials or request.POST).get("username") or "")[:LONGEST]


def locked(request: HttpRequest, *_rest: Any) -> HttpResponse:
    """What django-axes answers for an account that is locked for this address."""
    return told(request, settings.AXES_COOLOFF_TIME * 3600, request.POST.get("username", ""))


def told(request: HttpRequest, seconds: float, name: str = "") -> HttpResponse:
    """The page that says so; with a name, it is this account's doing."""
    context = {
        "name": name[:150],
        "minutes": math.ceil(seconds / 60),
        "address": client_address(request),
    }
    page = render(request, "login_locked.html", context, status=429)
    page["Retry-After"] = str(math.ceil(seconds))
    return page
