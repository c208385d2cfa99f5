"""The URLs of the API: the resources of all apps under /api/v1/, their description at /api/schema/
and /api/docs/."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from accounts import api as accounts_api
from api import problems, schema
from changes.api import views as changes_api
from changes.undo import api as undo_api
from changes.who_had import api as who_had_api
from dhcp import api as dhcp_api
from dhcp.remote import api as agents_api
from discovery import api as discovery_api
from events import api as events_api
from events.mail import api as mail_api
from events.webhooks import api as webhooks_api
from importers import api as imports_api
from ipam.api import resources as ipam_api
from ipam.api.search import SearchView
from ipmanager import front
from ippool import api as ippool_api
from machines import api as machines_api
from names import api as names_api
from pxe import api as pxe_api
from registry import api as registry_api
from registry.discovery import api as registry_discovery_api

router = SimpleRouter()
ipam_api.register(router)
dhcp_api.register(router)
names_api.register(router)
pxe_api.register(router)
machines_api.register(router)
discovery_api.register(router)
router.register("webhooks", webhooks_api.Webhooks)

urlpatterns = [
    path("v1/", include(ippool_api)),
    path("v1/ipmanager/", include(registry_api)),
    path("v1/ipmanager/", include(registry_discovery_api)),
    path("v1/may-send/", front.MaySend.as_view(), name="may_send"),
    path("v1/search/", SearchView.as_view(), name="search"),
    *(path(f"v1/{route}", view.as_view()) for route, view in agents_api.ROUTES.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in dhcp_api.SINGLE.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in changes_api.ROUTES.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in who_had_api.ROUTES.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in accounts_api.SINGLE.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in events_api.SINGLE.items()),
    *(path(f"v1/{route}", view.as_view()) for route, view in mail_api.SINGLE.items()),
    path("v1/imports/", imports_api.ImportView.as_view(), name="imports"),
    path("v1/changes/<str:change>/undo/", undo_api.UndoView.as_view(), name="undo"),
    path("v1/", include(router.urls)),
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/", schema.docs, name="docs"),
    re_path(r"^(?P<path>[\s\S]*)$", problems.unknown_route),
]
