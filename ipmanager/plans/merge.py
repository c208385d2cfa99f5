"""Merge the subnets inside a subnet into it: what will happen, and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from changes.plans.verb import Plan, Work
from dhcp.models import DhcpScope
from dhcp.reshape.merge import merge
from ipam.models import IPAddress, Subnet
from ipmanager.plans.page import SubnetPlanPage
from ipmanager.plans.split import NEEDED_WITH_SCOPE

# What a merged subnet says, and the subnet around it does not take over.
LOST = ("vlan_id", "site", "domain", "dns_servers")


class MergePage(SubnetPlanPage):
    template = "admin/plans/merge.html"
    needed = (
        *("ipam.delete_subnet", "ipam.change_subnet", "ipam.add_pool", "ipam.delete_pool"),
        "ipam.change_ipaddress",
    )

    def also_needed(self) -> Sequence[str]:
        inside = DhcpScope.objects.filter(subnet__in=self.subnet.children)
        return NEEDED_WITH_SCOPE if inside.exists() else ()

    def work(self) -> Work[dict[str, Any]]:
        return lambda: _merged(self.fresh())

    def choices(self) -> dict[str, Any]:
        return {"children": self.subnet.children}

    def of_plan(self, plan: Plan[dict[str, Any]]) -> dict[str, Any]:
        children = self.subnet.children
        warnings = [*_without_pool(children), *_other_scopes(children)]
        return {**plan.found, "warnings": warnings + list(_lost(self.subnet, children))}

    def done(self, found: dict[str, Any]) -> str:
        text = ngettext(
            "%(number)d network is merged into %(subnet)s.",
            "%(number)d networks are merged into %(subnet)s.",
            found["number"],
        )
        return text % {"subnet": self.subnet.network, "number": found["number"]}


def _merged(subnet: Subnet) -> dict[str, Any]:
    """The subnet as it is when it is merged."""
    gone = merge(subnet)
    others = set(map(attrgetter("gateway"), gone)) - {None, subnet.gateway}
    return {
        "number": len(gone),
        "gateway": subnet.gateway,
        "pools": list(map(str, subnet.pools.order_by("first"))),
        "held": IPAddress.objects.filter(subnet=subnet).live().count(),
        "reserved": sorted(map(str, others)),
    }


def _without_pool(children: Sequence[Subnet]) -> Iterator[str]:
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


def _lost(subnet: Subnet, children: Sequence[Subnet]) -> Iterator[str]:
    """What the merged subnets say otherwise than the one around them, which it does not learn."""
    for child in children:
        for name in LOST:
            value, other = _text(child, name), _text(subnet, name)
            if value not in ("", other):
                text = _("%(network)s loses its %(field)s %(value)s; %(around)s has %(other)s.")
                values = {"network": child.network, "field": _label(name), "value": value}
                around = {"around": subnet.network, "other": other or _("none")}
                yield text % (values | around)


def _text(subnet: Subnet, name: str) -> str:
    value = getattr(subnet, name)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value or "")


def _label(name: str) -> str:
    field: Any = Subnet._meta.get_field(name)
    return str(field.verbose_name)
