"""Where the pages are, below /admin/: beside the forms of servers and addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from ipmanager.machine import views


def pages() -> list[URLPattern]:
    seen = admin.site.admin_view
    found = [
        path("ipam/server/<int:key>/page/", seen(views.server_page), name="ipam_server_page"),
        path("ipam/ipaddress/<int:key>/vm/", seen(views.vm_page), name="vm_page"),
    ]
    for view in (views.server_move, views.server_release, views.server_quarantine):
        route = f"ipam/server/<int:key>/{view.__name__.removeprefix('server_')}/"
        found.append(path(route, seen(view), name=view.__name__))
    return found
