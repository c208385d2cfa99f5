"""Merge the subnets inside a subnet into it: what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dhcp.models import DhcpScope
from dhcp.reshape.merge import merge
from ipam.admin.base import REFUSALS, sentences
from ipam.models import IPAddress, Subnet
from ipmanager.networks.carried_out import effect
from ipmanager.networks.head import Head
from ipmanager.networks.links import page
from ipmanager.networks.page import page_context

NEEDED = (
    *("ipam.delete_subnet", "ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
    "ipam.change_ipaddress",
)
NEEDED_WITH_SCOPES = (
    *("dhcp.add_dhcpscope", "dhcp.delete_dhcpscope"),
    *("dhcp.add_dhcpoption", "dhcp.delete_dhcpoption"),
)


def view(request: HttpRequest, subnet: Subnet) -> HttpResponse:
    """GET leads to a button for the preview: that writes, and takes it back."""
    _check_rights(request, subnet)
    try:
        if "apply" in request.POST:
            return _apply(request, subnet)
        found = _preview(request, subnet) if request.method == "POST" else {}
        return _page(request, subnet, **found)
    except REFUSALS as error:
        return _page(request, subnet, status=409, refusal=sentences(error))


def _check_rights(request: HttpRequest, subnet: Subnet) -> None:
    needed = list(NEEDED)
    if DhcpScope.objects.filter(subnet__in=subnet.children).exists():
        needed += NEEDED_WITH_SCOPES
    user: Any = request.user
    if not user.has_perms(needed):
        raise PermissionDenied


def _page(request: HttpRequest, subnet: Subnet, status: int = 200, **found: Any) -> HttpResponse:
    head = Head(request, Subnet.objects.select_related("vrf").get(pk=subnet.pk))
    context = {**page_context(request, head, ""), "children": subnet.children, **found}
    return TemplateResponse(request, "admin/networks/merge.html", context, status=status)


def _apply(request: HttpRequest, subnet: Subnet) -> HttpResponse:
    number = len(merge(subnet))
    text = ngettext(
        "%(number)d network is merged into %(subnet)s.",
        "%(number)d networks are merged into %(subnet)s.",
        number,
    )
    messages.success(request, text % {"subnet": subnet.network, "number": number})
    return HttpResponseRedirect(page("network", subnet.pk))


def _preview(request: HttpRequest, subnet: Subnet) -> dict[str, Any]:
    """What applying would do; nothing of it stays."""
    children = subnet.children
    warnings = [*_without_static_pool(children), *_other_scopes(children)]
    shown = effect(request, subnet, _merged)
    return {**shown.found, "warnings": warnings, "effect": shown}


def _merged(subnet: Subnet) -> dict[str, Any]:
    """The subnet as it is when it is merged."""
    gateways = map(attrgetter("gateway"), merge(subnet))
    others = set(gateways) - {None, subnet.gateway}
    return {
        "gateway": subnet.gateway,
        "pools": list(map(str, subnet.pools.order_by("first"))),
        "held": IPAddress.objects.filter(subnet=subnet).live().count(),
        "reserved": sorted(map(str, others)),
    }


def _without_static_pool(children: Sequence[Subnet]) -> Iterator[str]:
    """Those whose host addresses can no longer be handed out, because the others have pools."""
    keys = [child.pk for child in children]
    pooled = Subnet.objects.filter(pk__in=keys, pools__kind="static").distinct()
    having = set(pooled.values_list("pk", flat=True))
    for child in children:
        if having and child.pk not in having:
            text = _("%s has no static pool: its free addresses are no longer handed out.")
            yield text % child.network


def _other_scopes(children: Sequence[Subnet]) -> Iterator[str]:
    """That scopes which differ from the first one are lost."""
    scopes = DhcpScope.objects.filter(subnet__in=children).order_by("-enabled", "subnet__network")
    for scope in scopes.select_related("subnet")[1:]:
        yield _("The DHCP scope of %s is dropped: the first one is kept.") % scope.subnet.network
