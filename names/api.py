"""The REST API of names: zones, further records, subnets whose names are served elsewhere.

They belong to no network: a token that is confined to networks cannot read them."""

from __future__ import annotations

import django_filters as filters
from rest_framework.routers import SimpleRouter

from api.confinement import RowFilter
from api.resources import Resource
from ipam.api.serializers import Ledger
from ipam.models import Subnet
from names.models import NamesOff, Record, Zone


class ZoneSerializer(Ledger):
    class Meta:
        model = Zone
        fields = [
            "id",
            "name",
            "description",
            "enabled",
            "ttl",
            "primary_server",
            "contact",
            "refresh",
            "retry",
            "expire",
            "negative_ttl",
            "created_at",
            "updated_at",
        ]


class RecordSerializer(Ledger):
    class Meta:
        model = Record
        fields = [
            "id",
            "zone",
            "name",
            "type",
            "value",
            "ttl",
            "description",
            "created_at",
            "updated_at",
        ]


class NamesOffSerializer(Ledger):
    class Meta:
        model = NamesOff
        fields = ["id", "subnet", "created_at", "updated_at"]


class ZoneFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=253)
    enabled = filters.BooleanFilter()

    class Meta:
        model = Zone
        fields: list[str] = []


class RecordFilters(filters.FilterSet):
    zone = RowFilter(queryset=Zone.objects.all())
    name = filters.CharFilter(max_length=253)
    type = filters.ChoiceFilter(choices=Record.Type.choices)

    class Meta:
        model = Record
        fields: list[str] = []


class NamesOffFilters(filters.FilterSet):
    subnet = RowFilter(queryset=Subnet.objects.all())

    class Meta:
        model = NamesOff
        fields: list[str] = []


class Zones(Resource):
    """The domains of which this installation serves every name."""

    queryset = Zone.objects.order_by("name", "pk")
    serializer_class = as_of_class = ZoneSerializer
    filterset_class = ZoneFilters
    ordering_fields = ["name", "created_at", "updated_at"]
    scope = "subnets"
    confine = None  # type: ignore[assignment]


class Records(Resource):
    """Records that follow from no machine of the ledger."""

    queryset = Record.objects.select_related("zone").order_by("zone", "name", "type", "pk")
    serializer_class = as_of_class = RecordSerializer
    filterset_class = RecordFilters
    ordering_fields = ["zone", "name", "type", "created_at", "updated_at"]
    scope = "subnets"
    confine = None  # type: ignore[assignment]


class SubnetsWithoutNames(Resource):
    """Subnets whose names are served elsewhere."""

    queryset = NamesOff.objects.select_related("subnet").order_by("subnet__network", "pk")
    serializer_class = as_of_class = NamesOffSerializer
    filterset_class = NamesOffFilters
    ordering_fields = ["created_at", "updated_at"]
    scope = "subnets"
    confine = None  # type: ignore[assignment]


RESOURCES = {
    "zones": Zones,
    "records": Records,
    "subnets-without-names": SubnetsWithoutNames,
}


def register(router: SimpleRouter) -> None:
    """Register the resources of names."""
    for name, view in RESOURCES.items():
        router.register(name, view)
