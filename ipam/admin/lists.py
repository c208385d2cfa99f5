"""What all lists of the admin share: rows are counted once, and what is the same in each row is
worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets, helpers
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from unfold import utils
from unfold.admin import ModelAdmin, checkbox
from unfold.templatetags import unfold_list
from unfold.views import ChangeList

from ipam.admin.export import Exports
from ipam.admin.marks import NOTHING, page_url, view_of
from ipam.admin.pickers import PicksRows
from ipam.pages.chosen import Chosen

Headers = Iterable[dict[str, Any]]
_KEY = "0000000000"  # stands for the key of a row


@cache
def _row_checkbox(language: str | None) -> str:
    """The box of a row as a format string, in this language."""
    box = checkbox.render(helpers.ACTION_CHECKBOX_NAME, _KEY)
    return box.replace("{", "{{").replace("}", "}}").replace(_KEY, "{}")


class LedgerList(ChangeList):
    """A list that has counted its rows once and says so once."""

    headers: list[dict[str, Any]] | None = None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> models.QuerySet:
        """The rows of the VRF and the site that are chosen for all pages; a filter of the list
        goes before the VRF."""
        rows = super().get_queryset(request, exclude_parameters)
        return Chosen.of(request).narrow(rows, also_vrf="vrf" not in request.GET)

    def url_for_result(self, result: models.Model) -> str:
        return page_url(self.opts, view_of(self.model), getattr(result, self.pk_attname))


class ListAdmin(Exports, PicksRows, ModelAdmin):
    """What all lists share, also those whose rows machines write."""

    list_per_page = 50
    list_filter_submit = True
    list_sections = ()  # Unfold's template asks in each row; a missing attribute takes it long
    show_facets = ShowFacets.NEVER  # a count for every choice of every filter
    show_full_result_count = False
    empty_value_display = NOTHING
    nothing_yet: Any = ""  # what an empty list says, beside that it is empty

    def get_urls(self) -> list[Any]:
        return [self.export_url(), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LedgerList

    @admin.display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: models.Model) -> SafeString:
        """Unfold's, without rendering its template for each row."""
        return format_html(_row_checkbox(get_language()), obj.pk)


def remember_headers(work_out: Callable[[Any], Headers]) -> Callable[[Any], Headers]:
    """Unfold works out the headers of a list anew for each of its rows."""

    def headers(cl: Any) -> Headers:
        if not isinstance(cl, LedgerList):
            return work_out(cl)
        cl.headers = cl.headers or list(work_out(cl))
        return cl.headers

    return headers


def remember_icon(draw: Callable[[Any], str]) -> Callable[[Any], str]:
    """Unfold renders a template for each yes and no."""

    @cache
    def icon(value: Any, language: str | None) -> str:
        return draw(value)

    return lambda value: icon(value, get_language())


unfold_list.result_headers = remember_headers(unfold_list.result_headers)
utils._boolean_icon = remember_icon(utils._boolean_icon)
