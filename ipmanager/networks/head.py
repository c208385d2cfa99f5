"""What stands above every tab of a subnet: a sentence, how full it is, and what one can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dhcp.models import DhcpScope
from ipam.admin import marks
from ipam.allocate import next_free
from ipam.maps.area import Area
from ipam.models import Subnet
from ipam.ranges import Span
from ipam.usage import Share, Usage, history
from ipam.usage.forecast import forecast
from ipam.usage.measure import leases, ledger_tree, usages_in
from ipmanager.networks import draw
from ipmanager.networks.access import Sees
from ipmanager.networks.gaps import Gap, gaps_between
from ipmanager.networks.links import page

SMALL = 256  # addresses: of a larger network, the last number says too little
TABS = (
    ("network", gettext_lazy("Map")),
    ("network_addresses", gettext_lazy("Addresses")),
    ("network_dhcp", gettext_lazy("DHCP")),
    ("network_leases", gettext_lazy("Leases")),
    ("network_space", gettext_lazy("Space")),
)

_MAY_RESHAPE = ("ipam.change_subnet", "ipam.add_pool")
PLANS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "split": (gettext_lazy("Split"), _MAY_RESHAPE),
    "merge": (gettext_lazy("Merge"), _MAY_RESHAPE),
    "resize": (gettext_lazy("Resize"), _MAY_RESHAPE),
    "renumber": (gettext_lazy("Move machines"), ("ipam.change_subnet", "ipam.change_server")),
}


@dataclass(frozen=True)
class Gauge:
    """A bar with its words."""

    label: Any
    share: Share
    bar: SafeString
    text: str


class Head:
    """A subnet as its pages show it. The number of queries does not depend on its size."""

    def __init__(self, request: HttpRequest, subnet: Subnet) -> None:
        self.request, self.subnet, self.sees = request, subnet, Sees.of(request)
        scope = [subnet.network]
        self.leases = leases(scope)
        self.area = Area(subnet.vrf_id, subnet.network, ledger_tree(scope), self.leases)
        self.usages = usages_in(self.area.tree, self.leases)
        self.usage: Usage = self.usages[subnet.pk]
        self.node = self.area.tree.nodes[subnet.pk]

    @cached_property
    def parents(self) -> list[Subnet]:
        """The subnets around it, widest first."""
        around = Subnet.objects.in_vrf(self.subnet.vrf_id).supernets_of(self.subnet.network)
        return list(around.exclude(pk=self.subnet.pk))

    @cached_property
    def scope(self) -> DhcpScope | None:
        """How DHCP serves it, if that is shown."""
        if not self.sees.scopes:
            return None
        return DhcpScope.objects.filter(subnet=self.subnet).select_related("server").first()

    @property
    def served(self) -> str:
        """Whether DHCP serves it, in a word; empty where nobody has said so."""
        if self.scope is None:
            return ""
        return _("DHCP on") if self.scope.enabled else _("DHCP off")

    @cached_property
    def days(self) -> list[history.Day]:
        return history.days(self.subnet.pk)

    @property
    def trend(self) -> SafeString | str:
        shares = [day.static for day in self.days]
        return draw.days(shares, _("static addresses in use, last 90 days"))

    @property
    def sentence(self) -> str:
        """What is left, and until when."""
        parts = [self._static_part(), self._dhcp_part(), self._forecast_part()]
        return " ".join(filter(None, parts)) or _("Nothing can be handed out here.")

    def _static_part(self) -> str:
        left, share = self.usage.static.free, self.usage.static
        if not share.total:
            return ""
        text = ngettext("%s static address is left.", "%s static addresses are left.", left)
        return text % marks.count(left)

    def _dhcp_part(self) -> str:
        share = self.usage.dhcp
        if not share.total:
            return ""
        numbers = {"free": marks.count(share.free), "total": marks.count(share.total)}
        return _("%(free)s of %(total)s DHCP addresses are free.") % numbers

    def _forecast_part(self) -> str:
        today, static = localdate(), self.usage.static
        used = [(day.day, day.static.used) for day in self.days]
        found = forecast(used, static, today)
        if found is None:
            return ""
        number = (found.full_on - today).days
        text = ngettext(
            "At the present rate they last for %d day.",
            "At the present rate they last for %d days.",
            number,
        )
        return text % number

    def gauges(self) -> list[Gauge]:
        """Static and DHCP, without what it does not have."""
        usage = self.usage
        wanted = (
            ("static", _("Static"), usage.static, _("%(used)s of %(total)s in use")),
            ("dhcp", _("DHCP"), usage.dhcp, _("%(used)s of %(total)s leased or reserved")),
        )
        found = []
        for kind, label, share, text in wanted:
            numbers = {"used": marks.count(share.used), "total": marks.count(share.total)}
            if share.total:
                words = text % numbers
                bar = draw.bar(share, kind, f"{label}: {words}")
                found.append(Gauge(label, share, bar, words))
        return found

    @cached_property
    def next_address(self) -> str:
        """The next free address, shortened; empty if there is none."""
        free = next_free(self.subnet)
        if free is None or self.subnet.network.num_addresses > SMALL:
            return str(free or "")
        return short(free)

    def tabs(self, chosen: str) -> list[dict[str, Any]]:
        return [
            {"label": label, "url": self.url(name), "is_chosen": name == chosen}
            for name, label in TABS
            if name in self._shown()
        ]

    def _shown(self) -> set[str]:
        needed = {
            "network_addresses": self.sees.addresses,
            "network_dhcp": self.sees.scopes,
            "network_leases": self.sees.sightings and self.sees.addresses,
        }
        return {name for name, _label in TABS if needed.get(name, True)}

    def url(self, name: str = "network") -> str:
        return reverse(f"admin:{name}", args=[self.subnet.pk])

    def gaps(self) -> list[Gap]:
        """What lies free between the subnets inside."""
        spans = self.node.child_spans()
        return list(gaps_between(self.subnet.network, spans, self.subnet.vrf_id))

    def facts(self) -> Iterator[tuple[str, str]]:
        """What one looks up most."""
        subnet, node = self.subnet, self.node
        yield _("Gateway"), str(subnet.gateway or "–")
        yield _("DNS servers"), ", ".join(map(str, subnet.dns_servers)) or "–"
        yield _("Domain"), subnet.domain or "–"
        yield _("Static pools"), self._ranges(node.static_pools) or _("none")
        yield _("DHCP pools"), self._ranges(node.dhcp_pools) or _("none")

    def _ranges(self, spans: Iterable[Span]) -> str:
        address = type(self.subnet.network.network_address)
        return ", ".join(f"{address(low)}–{short(address(high))}" for low, high in spans)

    def plans(self) -> list[dict[str, Any]]:
        """What can be planned here, by those who may: a subnet with others inside can be merged,
        one without can be split."""
        has_children = bool(self.node.children)
        shown = {"split": not has_children, "merge": has_children}
        user: Any = self.request.user
        found = []
        for name, (label, needed) in PLANS.items():
            if shown.get(name, True) and user.has_perms(needed):
                found.append({"label": label, "url": self.url(f"network_{name}")})
        return [*found, *self._files()]

    def _files(self) -> Iterator[dict[str, Any]]:
        """Its addresses as a file, and a file into the ledger."""
        user: Any = self.request.user
        if user.has_perms(("ipam.add_ipaddress", "ipam.change_ipaddress")):
            yield {"label": _("Import"), "url": page("import", kind="addresses")}
        if self.sees.addresses:
            found = page("ipam_ipaddress_export", subnet__id__exact=self.subnet.pk)
            yield {"label": _("Export"), "url": found}

    @property
    def urls(self) -> dict[str, str]:
        """Where the buttons lead."""
        subnet = self.subnet
        return {
            "edit": marks.change_url(subnet),
            "history": f"{reverse('changes:log')}?subnet={subnet.pk}",
            "next": marks.next_free_url(subnet.pk),
            "list": marks.of_subnet(subnet.pk),
        }


def short(address: Any) -> str:
    """The end of an address, as people call it: `.61`, or the last group of an IPv6 address."""
    if address.version == 4:
        return f".{int(address) & 255}"
    return f"…:{int(address) & 0xFFFF:x}"
