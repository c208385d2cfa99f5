"""The lists of the admin, found by what they are called."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from search.asked import Asked
from search.hits import Group, Hit
from search.links import list_page


def groups(asked: Asked) -> Iterator[Group]:
    wanted = asked.text.casefold()
    hits = []
    for model, page in admin.site._registry.items():
        title = str(model._meta.verbose_name_plural)
        if wanted in title.casefold() and page.has_view_permission(asked.request):
            hits.append(Hit(capfirst(title), list_page(model), mark="page"))
    yield Group(_("Pages"), hits[: asked.limit], more=len(hits) > asked.limit)
