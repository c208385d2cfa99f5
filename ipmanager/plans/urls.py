"""Where the pages of plans are, below /admin/."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from ipam.models import IPAddress, Subnet
from ipmanager.networks.access import find_subnet, needs
from ipmanager.plans.bulk_edit import MODELS, BulkEditPage
from ipmanager.plans.importing import ImportPage
from ipmanager.plans.merge import MergePage
from ipmanager.plans.page import SubnetPlanPage
from ipmanager.plans.renumber import RenumberPage
from ipmanager.plans.resize import ResizePage
from ipmanager.plans.split import SplitPage

_OF_A_SUBNET: dict[str, type[SubnetPlanPage]] = {
    "split": SplitPage,
    "merge": MergePage,
    "resize": ResizePage,
    "renumber": RenumberPage,
}
_methods = require_http_methods(["GET", "HEAD", "POST"])


@needs(Subnet, IPAddress)
def _of_subnet(request: HttpRequest, key: int, kind: type[SubnetPlanPage]) -> HttpResponse:
    return kind(request, find_subnet(key)).answer()


def _import(request: HttpRequest) -> HttpResponse:
    return ImportPage(request).answer()


def _bulk_edit(request: HttpRequest, model: str) -> HttpResponse:
    if model not in MODELS:
        raise Http404
    return BulkEditPage(request, model).answer()


def plan_pages() -> list[URLPattern]:
    found = [path("import/", admin.site.admin_view(_methods(_import)), name="import")]
    several = admin.site.admin_view(_methods(_bulk_edit))
    found.append(path("edit/<slug:model>/", several, name="bulk_edit"))
    for name, kind in _OF_A_SUBNET.items():
        view = admin.site.admin_view(_methods(partial(_of_subnet, kind=kind)))
        found.append(path(f"networks/<int:key>/{name}/", view, name=f"network_{name}"))
    return found
