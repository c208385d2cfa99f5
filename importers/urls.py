"""The page of imports, below /admin/."""

from django.contrib import admin
from django.urls import path

from importers.page import page

app_name = "importers"
urlpatterns = [path("import-from/", admin.site.admin_view(page), name="import")]
