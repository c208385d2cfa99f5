"""The pages of undo, below /admin/changes/."""

from django.contrib import admin
from django.urls import URLPattern, path

from changes.undo import pages


def undo_pages() -> list[URLPattern]:
    view = admin.site.admin_view(pages.undo_view)
    return [path("changes/<str:change>/undo/", view, name="changes_undo")]
