"""The second step of the login, setting up a second factor, and the page about one's own
account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from accounts import second_factor, sessions
from accounts.forms import CodeForm, SetUpForm
from accounts.login import attempts, pending
from accounts.models import LoginBrake
from accounts.reauthentication import confirmation

NEW_KEY = "new_authenticator"  # key in the session's data
INSIDE, OUTSIDE = "admin/base_site.html", "unfold/layouts/unauthenticated.html"


@never_cache
@csrf_protect
@sensitive_post_parameters()
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the code after the password."""
    user = pending.user_of(request)
    if user is None or not second_factor.is_set_up(user):
        return HttpResponseRedirect(reverse("admin:login"))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        code, name = form.cleaned_data["code"], user.get_username()
        if attempts.check(
            request, form, LoginBrake.Kind.CODE, name, lambda: second_factor.verify(user, code)
        ):
            url = pending.complete(request, user)
            _warn_of_few_codes(request, user)
            return HttpResponseRedirect(url)
    context = {"title": _("Second factor"), "form": form}
    return _page(request, "code.html", context)


def _warn_of_few_codes(request: HttpRequest, user: Any) -> None:
    left = second_factor.recovery_codes_left(user)
    if left <= 3:
        text = ngettext(
            "You have %d recovery code left. Make new ones on the page of your account.",
            "You have %d recovery codes left. Make new ones on the page of your account.",
            left,
        )
        messages.warning(request, text % left)


@never_cache
@csrf_protect
@sensitive_post_parameters()
def set_up(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator: for a user who is logged in, or whose login waits for it."""
    waiting = pending.user_of(request)
    if waiting is None:
        if not admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:login"))
        page = confirmation(request)
        if page is not None:
            return page
    elif second_factor.is_set_up(waiting):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    return _set_up(request, waiting or request.user, is_waiting=waiting is not None)


def _set_up(request: HttpRequest, user: Any, *, is_waiting: bool) -> HttpResponse:
    key = request.session.setdefault(NEW_KEY, second_factor.new_key())
    asked = "code" in request.POST
    form = SetUpForm(request.POST if asked else None)
    if form.is_valid():
        codes = second_factor.set_up(user, key, form.cleaned_data["code"])
        if codes:
            return _set_up_done(request, user, codes, is_waiting=is_waiting)
        form.add_error("code", _("The code is wrong. Check the clock of the authenticator."))
    context = {
        "title": _("Set up a second factor"),
        "layout": OUTSIDE if is_waiting else INSIDE,
        "is_waiting": is_waiting,
        "form": form,
        "qr_code": second_factor.qr_code(user, key),
        "key_text": second_factor.key_text(key),
    }
    return _page(request, "setup.html", context)


def _set_up_done(
    request: HttpRequest, user: Any, codes: list[str], *, is_waiting: bool
) -> HttpResponse:
    """Log in who waited for it, log out the user's other sessions, show the recovery codes."""
    next_url = reverse("admin:account")
    del request.session[NEW_KEY]
    if is_waiting:
        next_url = pending.complete(request, user)
    request.session[sessions.VERIFIED] = True
    sessions.end_others(request)
    return show_codes(request, codes, next_url)


def show_codes(request: HttpRequest, codes: list[str], next_url: str) -> HttpResponse:
    """The one page that shows recovery codes."""
    context = {"title": _("Recovery codes"), "codes": codes, "next_url": next_url}
    return _page(request, "codes.html", context)


# --- one's own account ----------------------------------------------------------------------------


@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """The user's second factor and sessions."""
    if request.method == "POST":
        action = ACTIONS.get(request.POST.get("action", ""))
        answer = action(request) if action else None
        return answer or HttpResponseRedirect(reverse("admin:account"))
    user = request.user
    context = {
        "title": _("Your account"),
        "has_second_factor": second_factor.is_set_up(user),
        "is_required": second_factor.is_required(user),
        "codes_left": second_factor.recovery_codes_left(user),
        "sessions": sessions.of_user(user),
        "own_key": sessions.own_key(request),
    }
    return _page(request, "account.html", context)


def _end_session(request: HttpRequest) -> None:
    key = request.POST.get("session", "")[:40].replace("\0", "")
    if sessions.end(sessions.of_user(request.user).filter(session_key=key), request.user):
        messages.success(request, _("The session was logged out."))


def _end_others(request: HttpRequest) -> None:
    number = sessions.end_others(request)
    text = ngettext("%d session was logged out.", "%d sessions were logged out.", number)
    messages.success(request, text % number)


def _new_codes(request: HttpRequest) -> HttpResponse | None:
    if not second_factor.is_set_up(request.user):
        return None
    page = confirmation(request)
    if page is not None:
        return page
    codes = second_factor.renew_recovery_codes(request.user)
    return show_codes(request, codes, reverse("admin:account"))


def _remove(request: HttpRequest) -> HttpResponse | None:
    if second_factor.is_required(request.user):
        messages.error(request, _("A group of yours requires the second factor."))
        return None
    page = confirmation(request)
    if page is not None:
        return page
    second_factor.remove(request.user)
    messages.success(request, _("The second factor was removed."))
    return None


ACTIONS: dict[str, Callable[[HttpRequest], HttpResponse | None]] = {
    "end": _end_session,
    "end-others": _end_others,
    "new-codes": _new_codes,
    "remove": _remove,
}


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    request.current_app = admin.site.name
    everything = {**admin.site.each_context(request), **context}
    page = TemplateResponse(request, f"admin/accounts/{template}", everything)
    page["Cache-Control"] = "no-store"
    return page
