"""The password or a code is asked for again before accounts, rights and tokens are changed, so that
an open browser or a stolen session does not suffice.

The page for it comes in the place of the answer and repeats the request when it is confirmed, so
nothing that was typed is lost (except passwords, which are not written into a page)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts import second_factor, sessions
from accounts.forms import ConfirmForm
from accounts.login import attempts
from accounts.models import LoginBrake
from api.security.record import Kind, record

View = Callable[..., HttpResponse]


def confirmed(view: View) -> View:
    """A view of the admin that answers only to a user who has shown the password or a code a short
    while ago."""

    @wraps(view)
    def asking(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        page = confirmation(request)
        return page or view(request, *arguments, **options)

    return asking


def confirmation(request: HttpRequest) -> HttpResponse | None:
    """The page that asks, or None when the request may go on."""
    if sessions.is_confirmed(request):
        return None
    is_answer = "confirm-asked" in request.POST
    has_code = second_factor.is_set_up(request.user)
    form = ConfirmForm(request.POST if is_answer else None, with_code=has_code)
    if not is_answer or not form.is_valid() or not _is_right(request, form):
        return _page(request, form)
    sessions.confirm(request)
    record(Kind.CONFIRMED, request.user, request=request)
    if request.POST["confirm-asked"] == "GET":
        return HttpResponseRedirect(request.get_full_path())
    return None


def _is_right(request: HttpRequest, form: ConfirmForm) -> bool:
    user, name = request.user, request.user.get_username()
    if code := form.cleaned_data.get("code"):
        return attempts.check(
            request, form, LoginBrake.Kind.CODE, name, lambda: second_factor.verify(user, code)
        )
    password = form.cleaned_data["password"]
    return attempts.check(
        request, form, LoginBrake.Kind.PASSWORD, name, lambda: user.check_password(password)
    )


def _page(request: HttpRequest, form: ConfirmForm) -> HttpResponse:
    asked = request.POST.get("confirm-asked", request.method)
    context = {
        **admin.site.each_context(request),
        "title": _("Confirm that it is you"),
        "form": form,
        "asked": asked,
        "repeated": list(_repeated(request)),
    }
    page = TemplateResponse(request, "admin/accounts/confirm.html", context)
    page["Cache-Control"] = "no-store"
    return page


def _repeated(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """The fields of the request, to be sent again."""
    for name, values in request.POST.lists():
        ours = name.startswith("confirm-") or name == "csrfmiddlewaretoken"
        if not ours and "password" not in name:
            for value in values:
                yield name, str(value)


class ConfirmedChanges:
    """Mixin for the admin of a model whose changes have to be confirmed."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *arguments: Any, **options: Any
    ) -> HttpResponse:
        is_change = request.method == "POST" or object_id is None
        page = confirmation(request) if is_change else None
        parent: Any = super()
        return page or parent.changeform_view(request, object_id, *arguments, **options)

    def delete_view(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        parent: Any = super()
        return confirmation(request) or parent.delete_view(request, *arguments, **options)

    def changelist_view(
        self, request: HttpRequest, *arguments: Any, **options: Any
    ) -> HttpResponse:
        page = confirmation(request) if request.method == "POST" else None
        parent: Any = super()
        return page or parent.changelist_view(request, *arguments, **options)
