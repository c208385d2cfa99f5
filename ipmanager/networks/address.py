"""The page of an address, whether it has a row or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Invalid
from dhcp.models import LeaseInterval
from discovery.conflicts.models import Conflict
from ipam.addresses import Address
from ipam.admin import marks
from ipam.admin.pickers import is_key
from ipam.maps import cells
from ipam.maps.range_plan import parse
from ipam.models import VRF, Sighting
from ipam.placement.describe import Description, describe
from ipam.ranges import span_of
from ipmanager.networks.access import Sees
from ipmanager.networks.links import address_url, create_url, page, with_query

SHOWN = 20  # sightings and former leases
# What may be done with an address of each status.
ALLOWED = {
    "available": ("assign", "reserve", "quarantine"),
    "reserved": ("assign", "release"),
    "allocated": ("release",),
    "quarantine": ("release",),
}
LABELS = {
    "reserve": gettext_lazy("Reserve"),
    "release": gettext_lazy("Release"),
    "quarantine": gettext_lazy("Quarantine"),
}


@dataclass(frozen=True)
class Action:
    label: Any
    url: str
    is_main: bool = False


def context(request: HttpRequest, text: str) -> dict[str, Any]:
    """What the template needs. Raises Http404 for what is no address or VRF."""
    ip, vrf, sees = _address(text), _vrf(request), Sees.of(request)
    key = _key(vrf)
    whole = describe(ip, key)
    verbs = _verbs(whole)
    found = _allowed(whole, sees)
    return {
        "ip": ip,
        "vrf": vrf if sees.vrfs else None,
        "found": found,
        "row": found.row,
        "status": _status(found),
        "around": _around(found, ip, key),
        "actions": _actions(request, found, verbs, key),
        "sightings": _sightings(sees, ip, vrf),
        "conflicts": _conflicts(sees, ip, vrf),
        "former": _former(request, ip, vrf),
        "links": list(_links(found, ip, key)),
        "create_url": _create_url(found, ip, key),
    }


def _address(text: str) -> Address:
    try:
        return parse(text)
    except Invalid as error:
        raise Http404 from error


def _vrf(request: HttpRequest) -> VRF | None:
    key = request.GET.get("vrf", "")
    if not key:
        return None
    vrf = VRF.objects.filter(pk=key).first() if is_key(key) else None
    if vrf is None:
        raise Http404
    return vrf


def _key(vrf: VRF | None) -> int | None:
    if vrf is None:
        return None
    return vrf.pk


def _allowed(found: Description, sees: Sees) -> Description:
    """Without what this reader may not see."""
    if not sees.sightings:
        found = replace(found, lease=None, answer=None)
    if found.row and not sees.servers:
        found.row.server = None
    return found


def _status(found: Description) -> tuple[str, Any]:
    """The badge: the row's status, or that it is leased, free or no machine's."""
    if found.row and found.row.status != "available":
        return found.row.status, found.row.get_status_display()
    words = {
        "leased": ("allocated", _("leased")),
        "answers": ("quarantine", _("in use, given to nobody")),
        "no_subnet": ("unknown", _("in no subnet")),
        "special": ("unknown", found.role),
    }
    return words.get(found.kind, ("available", _("free")))


def _around(found: Description, ip: Address, vrf: int | None) -> dict[str, str]:
    """The pages of the addresses before and after, and the map that it is on."""
    subnet = found.subnet
    if subnet is None:
        return {}
    around, (first, last) = {}, span_of(subnet.network)
    if int(ip) > first:
        around["previous"] = address_url(ip - 1, vrf)
    if int(ip) < last:
        around["next"] = address_url(ip + 1, vrf)
    around["subnet"] = around["map"] = page("network", subnet.pk)
    if subnet.network.num_addresses > cells.MOST:
        block = ip_network(f"{ip}/{ip.max_prefixlen - 8}", strict=False)
        around["map"] = page("network", subnet.pk, at=block)
    return around


def _actions(
    request: HttpRequest, found: Description, verbs: Sequence[str], vrf: int | None
) -> list[Action]:
    """What one can do with it, as links to forms that show what they will do."""
    actions = []
    user: Any = request.user
    ip = found.ip
    if "assign" in verbs and user.has_perm("ipam.add_server"):
        form = page("ipam_server_add", ip_address=ip, vrf=vrf)
        actions.append(Action(_("Assign to a server"), form, True))
    if found.subnet and user.has_perm("ipam.change_ipaddress"):
        for verb in verbs[verbs.count("assign") :]:
            url = page("network_range", found.subnet.pk, first=ip, last=ip, verb=verb)
            actions.append(Action(LABELS[verb], url))
    if vrf is None and user.has_perm("dhcp.view_lease"):
        actions.append(Action(_("Why?"), page("dhcp_why", q=ip)))
    return actions


def _verbs(found: Description) -> Sequence[str]:
    """What its state allows."""
    row = found.row
    if found.subnet is None or found.role or (row and row.server_id):
        return ()
    return ALLOWED[row.status if row else "available"]


def _sightings(sees: Sees, ip: Address, vrf: VRF | None) -> list[Sighting]:
    if not sees.sightings:
        return []
    return list(Sighting.objects.filter(vrf=vrf, ip_address=ip)[:SHOWN])


def _conflicts(sees: Sees, ip: Address, vrf: VRF | None) -> list[Conflict]:
    if not sees.conflicts:
        return []
    return list(Conflict.objects.open().filter(vrf=vrf, ip_address=ip)[:SHOWN])


def _former(request: HttpRequest, ip: Address, vrf: VRF | None) -> list[LeaseInterval]:
    """Who had it by DHCP, the newest first."""
    user: Any = request.user
    if not user.has_perm("dhcp.view_leaseinterval"):
        return []
    return list(LeaseInterval.objects.of_address(vrf, ip)[:SHOWN])


def _links(found: Description, ip: Address, vrf: int | None) -> Iterator[tuple[str, str]]:
    """Where more is told of it."""
    yield _("Who had it"), with_query(reverse("past:who_had"), ip=ip, vrf=vrf)
    yield _("Changes"), with_query(reverse("changes:log"), about=ip)
    if found.row:
        yield _("History"), marks.page_url(found.row._meta, "history", found.row.pk)
        yield _("Edit"), marks.change_url(found.row)


def _create_url(found: Description, ip: Address, vrf: int | None) -> str:
    """The form of a subnet around it, where there is none."""
    if found.subnet is not None:
        return ""
    length = {4: 24, 6: 64}[ip.version]
    return create_url(ip_network(f"{ip}/{length}", strict=False), vrf)
