"""The pages of undo, below /admin/changes/."""

from django.contrib import admin
from django.urls import path

from changes.undo import pages

urlpatterns = [
    path(
        "admin/changes/<str:change>/undo/",
        admin.site.admin_view(pages.undo_view),
        name="changes_undo",
    ),
]
