"""The page /admin/who-had/."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from changes.who_had.asker import Question, sees
from core.errors import IPManagerError
from ipam.models import VRF, Subnet


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Who had an address at a moment; without one, all who had it."""
    if not request.user.has_perm("ipam.view_ipaddress"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "media": admin.site.get_model_admin(Subnet).media,
        "title": _("Who had this address?"),
        "asked": {name: request.GET.get(name, "") for name in ("ip", "at", "vrf", "before")},
        "vrfs": VRF.objects.order_by("name")[:100],
    }
    if context["asked"]["ip"]:
        context |= _found(request)
    return TemplateResponse(request, "admin/changes/who_had.html", context)


def _found(request: HttpRequest) -> dict[str, Any]:
    try:
        question = Question.of(request.GET.dict())
        allowed = sees(request.user, question)
        if question.at:
            return {"answer": question.answer(allowed), "question": question}
        return {"timeline": question.timeline(allowed), "question": question}
    except IPManagerError as error:
        return {"error": str(error)}
