"""/api/v1/dhcp/lease-intervals/: who held which address by DHCP, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.access import confines
from api.confinement import RowFilter, visible
from api.resources import ChosenFields, Readable
from dhcp.files.targets import DEFAULT
from dhcp.models import LeaseInterval
from ipam.api.filters import by_address, by_mac, by_network, by_vrf, inside
from ipam.api.serializers import MAC, Address
from ipam.models import Subnet


class LeaseIntervalFilters(filters.FilterSet):
    ip_address = by_address()
    mac = by_mac(field_name="mac_address")
    at = filters.IsoDateTimeFilter(
        method="lasting_at", label="Those that lasted at this time: who held what."
    )
    subnet = RowFilter(
        queryset=Subnet.objects.all(), method="in_subnet", label="Of addresses of this subnet."
    )
    within = by_network(field_name="ip_address", method=inside, label="Inside this network.")
    vrf = by_vrf()
    is_open = filters.BooleanFilter(
        field_name="ended_at", lookup_expr="isnull", label="Those that last, or those that ended."
    )
    ended_how = filters.MultipleChoiceFilter(choices=LeaseInterval.End.choices)

    class Meta:
        model = LeaseInterval
        fields: list[str] = []

    def lasting_at(self, rows: Any, name: str, moment: datetime) -> QuerySet[LeaseInterval]:
        return rows.at(moment)

    @extend_schema_field(OpenApiTypes.INT)
    def in_subnet(self, rows: Any, name: str, subnet: Subnet) -> QuerySet[LeaseInterval]:
        return inside(rows.filter(vrf=subnet.vrf_id), "ip_address", subnet.network)


class LeaseIntervalSerializer(ChosenFields, serializers.ModelSerializer):
    ip_address = Address()
    mac_address = MAC(allow_null=True)
    server = serializers.SerializerMethodField(help_text="The DHCP server whose lease file has it.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null while it lasts.")
    ended_how = serializers.ChoiceField(
        LeaseInterval.End.choices,
        allow_blank=True,
        help_text="`vanished`: it left the lease file, and neither file nor log tell why.",
    )

    class Meta:
        model = LeaseInterval
        fields = [
            "id",
            "vrf",
            "ip_address",
            "mac_address",
            "client_id",
            "hostname",
            "server",
            "started_at",
            "last_seen",
            "leased_until",
            "ended_at",
            "ended_how",
        ]

    def get_server(self, row: LeaseInterval) -> str:
        return row.origin or DEFAULT


class LastedThen:
    """For `?as_of=`: the leases that lasted at the moment; nobody knew yet how they end."""

    as_of_class = LeaseIntervalSerializer
    present_facts: Sequence[str] = ("last_seen", "leased_until", "ended_at", "ended_how")

    def has_past(self) -> bool:
        return True

    def past_queryset(self: Any, moment: datetime) -> QuerySet[LeaseInterval]:
        self.filterset_class = LeaseIntervalFilters
        self.ordering_fields = ["started_at", "ip_address"]
        return visible(LeaseInterval.objects.at(moment), confines(self.request)).order_by(
            "ip_address", "pk"
        )

    def past_object(self: Any, moment: datetime) -> LeaseInterval:
        return get_object_or_404(self.past_queryset(moment), pk=self.kwargs["pk"])

    def present(self, rows: Sequence[LeaseInterval]) -> QuerySet[LeaseInterval]:
        return LeaseInterval.objects.filter(pk__in=[row.pk for row in rows])


class LeaseIntervals(LastedThen, Readable):
    """Leases as intervals: which machine held which address, from when to when, and how that
    ended. The newest first."""

    queryset = LeaseInterval.objects.order_by("-started_at", "-pk")
    serializer_class = LeaseIntervalSerializer
    filterset_class = LeaseIntervalFilters
    ordering_fields = ["started_at", "ended_at", "ip_address"]
