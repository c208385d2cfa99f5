"""Where the search is, below /admin/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from search import views


def pages() -> list[URLPattern]:
    """In front of Unfold's own page at the same address."""
    seen = admin.site.admin_view
    return [
        path("search/", seen(views.results), name="search"),
        path("search/palette/", seen(views.palette), name="search_palette"),
    ]
