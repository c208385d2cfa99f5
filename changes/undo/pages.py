"""The page that shows what an undo would do, and does it."""

from __future__ import annotations

import functools
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from changes.undo import words
from changes.undo.plan import Plan
from changes.undo.rights import Caller, check
from changes.undo.verb import NotPossible, prepare, undo
from core.errors import NotFound
from core.history import origin

SHOWN = 200  # rows of each side


def undo_url(change: str) -> str:
    return reverse("admin:changes_undo", args=[change])


def undo_view(request: HttpRequest, change: str) -> HttpResponse:
    """GET shows the plan, POST carries it out."""
    caller = Caller.of_user(request.user)
    with_later = "with_later" in request.GET or "with_later" in request.POST
    try:
        if request.method == "POST":
            return _undo(request, change, with_later, caller)
        plan = prepare(change, with_later=with_later)
        check(plan, caller)
    except NotFound as error:
        raise Http404(error.message) from error
    return _page(request, plan, with_later)


def _undo(request: HttpRequest, change: str, with_later: bool, caller: Caller) -> HttpResponse:
    digest = request.POST.get("digest", "")
    if not digest:
        raise PermissionDenied(_("Look at the plan first."))
    allowed = functools.partial(check, caller=caller)
    try:
        plan = undo(change, with_later=with_later, digest=digest, check=allowed)
    except NotPossible as error:
        check(error.plan, caller)
        messages.error(request, error.message)
        return _page(request, error.plan, with_later, status=409)
    own = origin.current().change
    text = _("The change was undone: %d rows.") % len(plan.items)
    link = format_html('{} <a href="{}">{}</a>', text, undo_url(own), _("Undo this undo"))
    messages.success(request, link)
    return HttpResponseRedirect(reverse("admin:index"))


def _page(request: HttpRequest, plan: Plan, with_later: bool, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Undo a change"),
        "plan": plan,
        "first": next(iter(plan.lines), None),
        "done": words.step_rows(plan.steps[:SHOWN]),
        "items": words.item_rows(plan.items[:SHOWN]),
        "more_done": max(0, len(plan.steps) - SHOWN),
        "more_items": max(0, len(plan.items) - SHOWN),
        "with_later": with_later,
    }
    return TemplateResponse(request, "admin/changes/undo.html", context, status=status)
