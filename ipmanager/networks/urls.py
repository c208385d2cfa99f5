"""Where the pages are, below /admin/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from ipmanager.networks import views

_OF_A_SUBNET = {
    "": views.network,
    "addresses/": views.network_addresses,
    "dhcp/": views.network_dhcp,
    "leases/": views.network_leases,
    "space/": views.network_space,
    "range/": views.network_range,
}


def pages() -> list[URLPattern]:
    seen = admin.site.admin_view
    found = [
        path("networks/", seen(views.networks), name="networks"),
        path("networks/map/", seen(views.networks_map), name="networks_map"),
        path("networks/address/<str:ip>/", seen(views.network_address), name="network_address"),
    ]
    for end, view in _OF_A_SUBNET.items():
        route = f"networks/<int:key>/{end}"
        found.append(path(route, seen(view), name=view.__name__))
    return found
