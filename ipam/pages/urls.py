"""The ledger's addresses on the site."""

from django.urls import path

from ipam.pages import views

app_name = "ipam"

urlpatterns = [
    path("", views.address_list, name="addresses"),
]
