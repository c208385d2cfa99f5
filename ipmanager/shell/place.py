"""The page on which one chooses the VRF and the site that lists and the tree show."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from changes.log.rights import Reader
from ipam.models import VRF, Subnet
from ipam.pages.chosen import Chosen
from ipam.pages.filters import NONE
from ipmanager.networks.page import each

MOST = 500  # VRFs and sites to choose from


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """GET asks, POST keeps what was chosen and leads back."""
    if request.method == "POST":
        _chosen(request).store(request)
        return HttpResponseRedirect(_back(request, request.POST.get("next", "")))
    context = {
        **each(request),
        "title": _("VRF and site"),
        "chosen": Chosen.of(request),
        "vrfs": _vrfs(request),
        "sites": _sites(request),
        "next": _back(request, request.GET.get("next", "")),
    }
    return TemplateResponse(request, "shell/place.html", context)


def _chosen(request: HttpRequest) -> Chosen:
    """What the form names, if this user may see it."""
    vrf, site = request.POST.get("vrf", ""), request.POST.get("site", "")
    names = dict(_vrfs(request))
    if vrf not in names:
        vrf = ""
    if site not in _sites(request):
        site = ""
    return Chosen(vrf, str(names[vrf]) if vrf else "", site)


def _vrfs(request: HttpRequest) -> list[tuple[str, str]]:
    found = [("", _("All VRFs")), (NONE, _("Global VRF"))]
    rows: Any = Reader.of(request).rows(VRF)
    for pk, name in rows.order_by("name").values_list("pk", "name")[:MOST]:
        found.append((str(pk), name))
    return found


def _sites(request: HttpRequest) -> list[str]:
    rows: Any = Reader.of(request).rows(Subnet)
    named = rows.exclude(site="").order_by("site").values_list("site", flat=True)
    return list(named.distinct()[:MOST])


def _back(request: HttpRequest, url: str) -> str:
    """The page to go back to: one of ours."""
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        return url
    return reverse("admin:networks")
