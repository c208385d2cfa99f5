"""Which subnets are probed, at the REST API."""

from __future__ import annotations

import django_filters as filters
from django.db.models import QuerySet

from api.resources import Resource
from discovery.models import SubnetDiscovery
from ipam.addresses import Network
from ipam.api.serializers import Ledger


class SubnetDiscoverySerializer(Ledger):
    class Meta:
        model = SubnetDiscovery
        located_by = ["subnet"]
        fields = ["id", "subnet", "enabled", "interval", "rate", "ping", "arp", "names", "agent"]


class SubnetDiscoveryFilters(filters.FilterSet):
    enabled = filters.BooleanFilter()
    agent = filters.CharFilter()

    class Meta:
        model = SubnetDiscovery
        fields: list[str] = []


class SubnetDiscoveries(Resource):
    """How subnets are probed. A subnet without a row is not."""

    queryset = SubnetDiscovery.objects.select_related("subnet").order_by("subnet__network", "pk")
    serializer_class = SubnetDiscoverySerializer
    filterset_class = SubnetDiscoveryFilters
    ordering_fields = ["subnet__network", "interval", "rate"]
    scope = "subnets"

    def confine(self, rows: QuerySet[SubnetDiscovery], networks: list[Network]) -> QuerySet:
        return rows.confined(networks)  # type: ignore[attr-defined]
