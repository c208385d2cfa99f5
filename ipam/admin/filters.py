"""The filters beside the lists. Drop-downs with a search box: they stay usable with hundreds of
entries."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter

from ipam.admin.pickers import is_key
from ipam.models import VRF, Subnet
from ipam.pages.filters import ACTIVITY, NONE

Choices = list[tuple[Any, Any]]


class VRFFilter(DropdownFilter):
    title = _("VRF")
    parameter_name = "vrf"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [(NONE, _("Global")), *VRF.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.value()
        if chosen == NONE:
            return queryset.filter(vrf=None)
        if chosen and is_key(chosen):
            return queryset.filter(vrf=chosen)
        return queryset


class SubnetFilter(AutocompleteSelectFilter):
    """One subnet, picked by a search."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not all(map(is_key, request.GET.getlist(self.lookup_kwarg))):
            raise IncorrectLookupParameters
        return super().queryset(request, queryset)


class SubnetColumnFilter(DropdownFilter):
    """The values that a column of the subnets has."""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        column = self.parameter_name
        found = Subnet.objects.order_by(column).values_list(column, column).distinct()
        return [pair for pair in found if pair[0] not in ("", None)]


class SiteFilter(SubnetColumnFilter):
    title = _("site")
    parameter_name = "site"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value():
            return queryset.filter(site=self.value())
        return queryset


class VLANFilter(SubnetColumnFilter):
    title = _("VLAN")
    parameter_name = "vlan_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.value()
        if chosen and is_key(chosen):
            return queryset.filter(vlan_id=chosen)
        return queryset


class ActiveFilter(DropdownFilter):
    title = _("active")
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return ACTIVITY

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        if self.value() == "no":
            return queryset.filter(active=False)
        if self.value() in ("yes", "unknown"):
            return queryset.probed().filter(active=True, probed=self.value() == "yes")
        return queryset


class PlaceFilter(DropdownFilter):
    """Addresses that lie in no subnet yet."""

    title = _("place")
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [("unplaced", _("In no subnet")), ("placed", _("In a subnet"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        if self.value() == "unplaced":
            return queryset.unplaced()
        if self.value() == "placed":
            return queryset.exclude(subnet=None)
        return queryset
