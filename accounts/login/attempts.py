"""One counted look at a code or password that a form has sent."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.login import brake
from api.security.record import Kind, record_seldom
from api.throttle import client_network
from core.proxies import client_address


def check(
    request: HttpRequest, form: forms.Form, kind: str, name: str, is_right: Callable[[], bool]
) -> bool:
    """Ask `is_right` unless this account is guessed at; say what is wrong at the form. `kind` is a
    LoginBrake.Kind."""
    attempt = brake.attempt(kind, name, client_network(request))
    if attempt.wait:
        seconds = int(attempt.wait) + 1
        form.add_error(None, _("Too many wrong attempts. Try again in %d s.") % seconds)
        return False
    if is_right():
        attempt.succeeded()
        return True
    attempt.failed(client_address(request))
    failed = Kind.CODE_FAILED if kind == "code" else Kind.CONFIRMATION_FAILED
    record_seldom(failed, name, request=request)
    if kind == "code":
        form.add_error(None, _("The code is wrong, or it was used before."))
    else:
        form.add_error(None, _("The password is wrong."))
    return False
