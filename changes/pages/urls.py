"""The pages of the log; below the admin's own address."""

from django.contrib import admin
from django.urls import path

from changes.pages import views

app_name = "changes"

urlpatterns = [
    path("", admin.site.admin_view(views.log), name="log"),
    path("export/", admin.site.admin_view(views.export), name="export"),
    path("line/<str:key>/", admin.site.admin_view(views.line), name="line"),
    path("<str:change>/", admin.site.admin_view(views.change), name="change"),
]
