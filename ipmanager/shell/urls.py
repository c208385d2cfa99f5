"""Where the page is, below /admin/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from ipmanager.shell.place import choose


def pages() -> list[URLPattern]:
    return [path("place/", admin.site.admin_view(choose), name="place")]
