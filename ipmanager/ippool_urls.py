"""The addresses of `manage.py ippool`: nothing but the pool."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("ipmanager.pool_api"))]
handler404 = "ipmanager.pool_api.no_route"
handler500 = "ipmanager.pool_api.broken"
