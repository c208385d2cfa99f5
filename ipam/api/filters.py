"""The filters of the API's lists. Those of the list page are in `ipam.pages.filters`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from api.access import confines
from api.confinement import RowFilter
from ipam import addresses
from ipam.api.usage import UsageFilters
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Sighting, Subnet

NONE = "none"  # ?vrf=none: the global address space


class ParsedFormField(forms.CharField):
    """A text that a function of `ipam.addresses` parses."""

    def __init__(self, *, parse: Callable[[Any], Any], **kwargs: Any) -> None:
        super().__init__(**{"max_length": 64, **kwargs})
        self.parse = parse

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return self.parse(text) if text else None
        except ValueError as error:
            raise ValidationError(str(error)) from error


class ParsedFilter(filters.CharFilter):
    """Compares the column with the value that `parse` makes of the text."""

    field_class = ParsedFormField


def by_address(**kwargs: Any) -> ParsedFilter:
    return ParsedFilter(parse=addresses.parse_address, **kwargs)


def by_network(**kwargs: Any) -> ParsedFilter:
    return ParsedFilter(parse=addresses.parse_network, **kwargs)


def by_mac(**kwargs: Any) -> ParsedFilter:
    """In any spelling."""
    return ParsedFilter(parse=addresses.parse_mac, **kwargs)


def around(text: str) -> addresses.Network:
    """An address or a network, as a network."""
    if "/" in text:
        return addresses.parse_network(text)
    return addresses.host_network(addresses.parse_address(text))


def by_vrf(**kwargs: Any) -> RowFilter:
    """A VRF's id, or `none`."""
    return RowFilter(queryset=VRF.objects.all(), null_label="global", null_value=NONE, **kwargs)


def matching(queryset: Any, name: str, text: str) -> QuerySet:
    return queryset.matching(text)


def inside(queryset: Any, name: str, network: addresses.Network) -> QuerySet:
    """Rows whose address lies in the network."""
    return queryset.filter(
        **{f"{name}__range": (network.network_address, network.broadcast_address)}
    )


class VRFFilters(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="iexact", max_length=100)
    q = filters.CharFilter(method="part", max_length=200)

    class Meta:
        model = VRF
        fields: list[str] = []

    def part(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(Q(name__icontains=text) | Q(description__icontains=text))


class SubnetFilters(UsageFilters):
    network = by_network()
    contains = ParsedFilter(
        parse=around, method="those_around", label="Subnets around this address or network."
    )
    within = by_network(
        method="those_within", label="Subnets inside this network, itself included."
    )
    parent = RowFilter(
        queryset=Subnet.objects.all(),
        method="those_below",
        label="Subnets directly below this one.",
    )
    vrf = by_vrf()
    site = filters.CharFilter(max_length=100)
    name = filters.CharFilter(max_length=100)
    vlan = filters.NumberFilter(field_name="vlan_id", min_value=1, max_value=4094)
    q = filters.CharFilter(method=matching, max_length=200)

    class Meta:
        model = Subnet
        fields: list[str] = []

    def those_around(self, queryset: Any, name: str, value: addresses.Network) -> QuerySet:
        return queryset.filter(network__in=list(addresses.supernets(value)))

    def those_within(self, queryset: Any, name: str, value: addresses.Network) -> QuerySet:
        return queryset.within(value)

    @extend_schema_field(OpenApiTypes.INT)
    def those_below(self, queryset: QuerySet, name: str, subnet: Subnet) -> QuerySet:
        return queryset.filter(pk__in=[inner.pk for inner in subnet.children])


class PoolFilters(UsageFilters):
    subnet = RowFilter(queryset=Subnet.objects.all())
    kind = filters.ChoiceFilter(choices=Pool.Kind.choices)
    vrf = by_vrf(field_name="subnet__vrf")
    contains = by_address(method="those_around", label="Pools that hold this address.")

    class Meta:
        model = Pool
        fields: list[str] = []

    def those_around(self, queryset: QuerySet, name: str, value: addresses.Address) -> QuerySet:
        return queryset.filter(first__lte=value, last__gte=value)


class IPAddressFilters(filters.FilterSet):
    ip_address = by_address()
    within = by_network(
        field_name="ip_address", method=inside, label="Addresses inside this network."
    )
    subnet = RowFilter(queryset=Subnet.objects.all(), null_label="in no subnet", null_value=NONE)
    status = filters.MultipleChoiceFilter(choices=IPAddress.Status.choices)
    ip_type = filters.ChoiceFilter(choices=IPAddress.Type.choices)
    vrf = by_vrf()
    site = filters.CharFilter(field_name="subnet__site", max_length=100)
    vlan = filters.NumberFilter(field_name="subnet__vlan_id", min_value=1, max_value=4094)
    server = RowFilter(queryset=Server.objects.all(), null_label="no server", null_value=NONE)
    hostname = filters.CharFilter(lookup_expr="iexact", max_length=255)
    vm_id = filters.CharFilter(max_length=255)
    mac = by_mac(field_name="mac_address")
    q = filters.CharFilter(method="those_matching", max_length=200)

    class Meta:
        model = IPAddress
        fields: list[str] = []

    def those_matching(self, queryset: Any, name: str, text: str) -> QuerySet:
        return queryset.matching(text, confines(self.request))


class ServerFilters(filters.FilterSet):
    hostname = filters.CharFilter(lookup_expr="iexact", max_length=253)
    ip_address = by_address()
    within = by_network(
        field_name="ip_address", method=inside, label="Servers whose address lies in this network."
    )
    vrf = by_vrf()
    location = filters.CharFilter(max_length=100)
    device_type = filters.CharFilter(max_length=100)
    enabled = filters.BooleanFilter()
    when_disabled = filters.ChoiceFilter(choices=Server.WhenDisabled.choices)
    mac = by_mac(field_name="mac_address")
    q = filters.CharFilter(method="those_matching", max_length=200)

    class Meta:
        model = Server
        fields: list[str] = []

    def those_matching(self, queryset: Any, name: str, text: str) -> QuerySet:
        return queryset.matching(text, confines(self.request))


class InterfaceFilters(filters.FilterSet):
    server = RowFilter(queryset=Server.objects.all())
    name = filters.CharFilter(max_length=64)
    ip_address = by_address()
    mac = by_mac(field_name="mac_address")

    class Meta:
        model = Interface
        fields: list[str] = []


class SightingFilters(filters.FilterSet):
    ip_address = by_address()
    within = by_network(
        field_name="ip_address", method=inside, label="Sightings inside this network."
    )
    mac = by_mac(field_name="mac_address")
    source = filters.MultipleChoiceFilter(choices=Sighting.Source.choices)
    vrf = by_vrf()
    since = filters.IsoDateTimeFilter(
        field_name="seen_at", lookup_expr="gt", label="Later than this."
    )

    class Meta:
        model = Sighting
        fields: list[str] = []
