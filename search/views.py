"""The page of results, and the same as JSON for the palette."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from search.asked import LONGEST, Asked
from search.find import find

ON_A_PAGE, IN_THE_PALETTE = 20, 5  # hits of each kind


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    asked = Asked.of(request, ON_A_PAGE)
    context = {
        **admin.site.each_context(request),
        "title": _("Search"),
        "asked": asked.text,
        "found": find(asked),
        "longest": LONGEST,
    }
    return TemplateResponse(request, "search/results.html", context)


@never_cache
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    return JsonResponse(find(Asked.of(request, IN_THE_PALETTE)).as_json())
