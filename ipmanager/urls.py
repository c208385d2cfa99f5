"""The site's addresses."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from ops import health, metrics

admin.autodiscover()  # not in AppConfig.ready(): accounts.apps.AdminConfig

urlpatterns = [
    path("", RedirectView.as_view(url="/ipam/")),
    path("favicon.ico", RedirectView.as_view(url="/static/ipmanager/favicon.svg")),
    path("admin/changes/", include("changes.pages.urls")),
    path("admin/", include("changes.past.urls")),
    path("admin/", include("importers.urls")),
    path("admin/", admin.site.urls),
    path("ipam/", include("ipam.pages.urls")),
    path("api/", include("ipmanager.api_urls")),
    path("", include("pxe.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.Metrics.as_view()),
]
handler500 = "api.problems.server_error"
