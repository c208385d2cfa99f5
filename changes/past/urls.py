"""The pages of the past, below /admin/."""

from django.contrib import admin
from django.urls import path

from changes.past import views
from changes.who_had.page import page

app_name = "past"
urlpatterns = [
    path("who-had/", admin.site.admin_view(page), name="who_had"),
    path("past/<slug:app>/<slug:name>/", admin.site.admin_view(views.past_list), name="list"),
    path(
        "past/<slug:app>/<slug:name>/<int:key>/",
        admin.site.admin_view(views.past_row),
        name="row",
    ),
]
