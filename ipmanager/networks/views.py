"""The views of the pages; each asks a module for its context."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from dhcp.models import DhcpScope
from ipam.models import IPAddress, Sighting, Subnet
from ipmanager.networks import address, map_tab, selection, tabs, tree
from ipmanager.networks.access import find_subnet, needs
from ipmanager.networks.head import Head
from ipmanager.networks.page import each, page_context
from ipmanager.networks.whole.strips import strips

MOST_STRIPS, MOST_BLOCKS = 400, 600  # of the map of all networks


@require_safe
@needs(Subnet)
def networks(request: HttpRequest) -> HttpResponse:
    context = {**each(request), "title": _("Networks"), **tree.context(request)}
    return TemplateResponse(request, "admin/networks/tree.html", context)


@require_safe
@needs(Subnet)
def networks_map(request: HttpRequest) -> HttpResponse:
    found, more = strips(request, MOST_STRIPS, MOST_BLOCKS)
    context = {"title": _("Map of all networks"), "strips": found, "more": more}
    return TemplateResponse(request, "admin/networks/map.html", {**each(request), **context})


@require_safe
@needs(Subnet)
def network(request: HttpRequest, key: int) -> HttpResponse:
    head = Head(request, find_subnet(key))
    context = map_tab.context(head, request.GET.get("at", "")[:64])
    return _tab(request, head, "network", context)


@require_safe
@needs(Subnet, IPAddress)
def network_addresses(request: HttpRequest, key: int) -> HttpResponse:
    head = Head(request, find_subnet(key))
    context = tabs.addresses(head, request.GET.get("from", "")[:64])
    return _tab(request, head, "network_addresses", context)


@require_safe
@needs(Subnet, DhcpScope)
def network_dhcp(request: HttpRequest, key: int) -> HttpResponse:
    head = Head(request, find_subnet(key))
    return _tab(request, head, "network_dhcp", tabs.dhcp(head))


@require_safe
@needs(Subnet, IPAddress, Sighting)
def network_leases(request: HttpRequest, key: int) -> HttpResponse:
    head = Head(request, find_subnet(key))
    return _tab(request, head, "network_leases", tabs.leases(head))


@require_safe
@needs(Subnet)
def network_space(request: HttpRequest, key: int) -> HttpResponse:
    head = Head(request, find_subnet(key))
    return _tab(request, head, "network_space", tabs.space(head))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Subnet, IPAddress)
def network_range(request: HttpRequest, key: int) -> HttpResponse:
    return selection.view(request, find_subnet(key))


@require_safe
@needs(Subnet, IPAddress)
def network_address(request: HttpRequest, ip: str) -> HttpResponse:
    found = address.context(request, ip[:64])
    context = {**each(request), "title": str(found["ip"]), **found}
    return TemplateResponse(request, "admin/networks/address.html", context)


def _tab(request: HttpRequest, head: Head, name: str, context: dict[str, Any]) -> HttpResponse:
    whole = {**page_context(request, head, name), **context}
    return TemplateResponse(request, f"admin/networks/{name}.html", whole)
