"""What a reader of the address list may ask for: each filter, its choices, its order, and a clear
no."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import F, Func, OrderBy, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter

from ipam import addresses
from ipam.addresses import Network
from ipam.models import VRF, IPAddress, Subnet
from ipam.querysets import IPAddressQuerySet, was_answered

UNNAMED = "–"  # a VRF that the user may not view
NONE = "none"  # in the URL: rows without a subnet, rows of the global address space
PAGE_SIZES = (25, 50, 100, 250)

# What a column sorts by. Rows without a value come last, whichever way round.
SORTS: dict[str, tuple[Any, F | Func]] = {
    "ip_address": (_("IP Address"), F("ip_address")),
    "subnet": (_("Subnet"), F("subnet__network")),
    "status": (_("Status"), F("status")),
    "hostname": (_("Hostname"), Lower(NullIf("hostname", Value("")))),
    "mac_address": (_("MAC Address"), F("mac_address")),
    "ip_type": (_("Type"), F("ip_type")),
    "holder": (_("VM/Server"), Lower(Coalesce("server__hostname", "vm_id"))),
}
# "NULLS LAST" would keep an index from being read backwards.
NEVER_EMPTY = {"ip_address", "status", "ip_type"}
ACTIVITY = [("yes", _("answers")), ("no", _("no answer")), ("unknown", _("not probed"))]


@dataclass(frozen=True)
class SubnetChoice:
    """A line of the subnet drop-down."""

    pk: int
    vrf: str
    network: Network
    name: str
    depth: int  # how many other subnets it lies in

    def contains(self, vrf: str, network: Network) -> bool:
        return self.vrf == vrf and addresses.inside(network, self.network)

    @property
    def label(self) -> str:
        """Indented by no-break spaces, the only ones that an option keeps."""
        return "\u00a0\u00a0\u00a0" * self.depth + f"{self.network}  {self.name}".rstrip()


def subnet_choices(*, named: bool = True) -> list[SubnetChoice]:
    """Every subnet in the order of the CIDR tree, VRF by VRF; without the VRFs' names unless
    `named`. One query."""
    in_order = Subnet.objects.order_by(F("vrf__name").asc(nulls_first=True), "network")
    choices: list[SubnetChoice] = []
    above: list[SubnetChoice] = []
    for pk, vrf, network, name in in_order.values_list("pk", "vrf__name", "network", "name"):
        vrf = vrf or ""
        if vrf and not named:
            vrf = UNNAMED
        while above and not above[-1].contains(vrf, network):
            above.pop()
        choices.append(SubnetChoice(pk, vrf, network, name, len(above)))
        above.append(choices[-1])
    return choices


class AddressFilter(FilterSet):
    """The list's filters, from the query of its URL. `subnets` and `vrfs` are what may be chosen;
    it is never sorted by a column that is `hidden`."""

    q = CharFilter(label=_("Search"), method="find", max_length=200)
    vrf = ChoiceFilter(
        label=_("VRF"), empty_label=_("All"), null_value=NONE, null_label=_("global")
    )
    subnet = ChoiceFilter(
        label=_("Subnet"),
        null_value=NONE,
        null_label=_("in no subnet"),
        error_messages={
            "invalid_choice": _("There is no subnet “%(value)s”; it may have been deleted.")
        },
    )
    status = ChoiceFilter(label=_("Status"), empty_label=_("All"), choices=IPAddress.Status.choices)
    ip_type = ChoiceFilter(label=_("Type"), empty_label=_("All"), choices=IPAddress.Type.choices)
    active = ChoiceFilter(
        label=_("Active"), empty_label=_("All"), choices=ACTIVITY, method="by_activity"
    )
    sort = ChoiceFilter(label=_("Sort by"), method="unchanged", empty_label=None, choices=[])
    page_size = NumberFilter(label=_("Rows per page"), method="unchanged", decimal_places=0)

    def __init__(
        self,
        data: Any,
        subnets: Iterable[SubnetChoice],
        vrfs: Iterable[VRF],
        hidden: Collection[str] = (),
    ) -> None:
        super().__init__(data, queryset=IPAddress.objects.all())
        self.filters["subnet"].extra["choices"] = [(subnet.pk, subnet.label) for subnet in subnets]
        self.filters["vrf"].extra["choices"] = [(vrf.pk, vrf.name) for vrf in vrfs]
        self.filters["sort"].extra["choices"] = sort_choices(hidden)

    def find(self, queryset: IPAddressQuerySet, name: str, text: str) -> QuerySet:
        return queryset.matching(text)

    def by_activity(self, queryset: IPAddressQuerySet, name: str, wanted: str) -> QuerySet:
        """An address that never answered is active only by default, so it is unknown."""
        if wanted == "no":
            return queryset.filter(active=False)
        active = queryset.filter(active=True)
        if wanted == "yes":
            return active.filter(was_answered())
        return active.filter(~was_answered())

    def unchanged(self, queryset: IPAddressQuerySet, name: str, value: str) -> QuerySet:
        return queryset

    def of_any_status(self) -> IPAddressQuerySet:
        """The rows that every filter but the status lets through; none while a filter is wrong."""
        if not self.form.is_valid():
            return self.queryset.none()
        rows = self.queryset
        for name, value in self.form.cleaned_data.items():
            if name != "status":
                rows = self.filters[name].filter(rows, value)
        return rows

    def asked(self, name: str) -> Any:
        """The checked value of one filter, or "" when it is not set."""
        return self.form.cleaned_data.get(name) or ""

    def order(self) -> list[OrderBy | str]:
        """What the rows are sorted by: never by anything that SORTS does not name."""
        key = self.asked("sort") or "ip_address"
        name = key.removeprefix("-")
        _label, column = SORTS[name]
        direction = column.desc if key.startswith("-") else column.asc
        first = direction() if name in NEVER_EMPTY else direction(nulls_last=True)
        return [first, "ip_address", "pk"]

    def size(self) -> int:
        """Rows per page: the offered number that is nearest to the wanted one, so 250 at most."""
        wanted = int(self.asked("page_size") or PAGE_SIZES[0])
        return min(PAGE_SIZES, key=lambda offered: abs(offered - wanted))

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, as pairs of a filter's label and a sentence."""
        found = []
        for name, sentences in self.form.errors.items():
            for sentence in sentences:
                found.append((str(self.filters[name].label), str(sentence)))
        return found


def sort_choices(hidden: Collection[str] = ()) -> list[tuple[str, str]]:
    """Every order, upwards and downwards, without those by hidden columns."""
    choices = []
    for key, (label, _column) in SORTS.items():
        if key in hidden:
            continue
        choices += [(key, f"{label} ↑"), (f"-{key}", f"{label} ↓")]
    return choices


def by_vrf(subnets: Iterable[SubnetChoice]) -> list[tuple[str, list[SubnetChoice]]]:
    """The drop-down's groups: the global address space first, under no name."""
    return [(name, list(group)) for name, group in groupby(subnets, key=lambda subnet: subnet.vrf)]
