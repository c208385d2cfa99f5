"""The addresses of `manage.py ippool`: nothing but the pool."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("ippool.api"))]
handler404 = "ippool.api.no_route"
handler500 = "ippool.api.broken"
