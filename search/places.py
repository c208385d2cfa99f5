"""The lists of the admin, found by what they are called."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from search.asked import Asked
from search.hits import Group, Hit
from search.links import list_page


def group(asked: Asked) -> Group:
    pages = list(filter(partial(_is_meant, asked), admin.site._registry.values()))
    hits = list(map(_hit, pages[: asked.limit]))
    return Group(_("Pages"), hits, more=len(pages) > asked.limit)


def _is_meant(asked: Asked, page: ModelAdmin) -> bool:
    title = str(page.opts.verbose_name_plural).casefold()
    return asked.text.casefold() in title and page.has_view_permission(asked.request)


def _hit(page: ModelAdmin) -> Hit:
    title = str(capfirst(page.opts.verbose_name_plural))
    return Hit(title, list_page(page.model), mark="page")
