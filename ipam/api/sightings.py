"""Sightings: read by everybody who may, reported by probers outside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import Right
from api.confinement import LocatedRow, RowKey
from api.known_fields import KnownFields
from api.models import Token
from api.parsers import MAX_ROWS
from api.resources import Readable
from ipam.addresses import Network
from ipam.api import filters
from ipam.api import serializers as shapes
from ipam.models import VRF, Sighting
from ipam.querysets import inside
from ipam.sightings.record import Seen, record

AHEAD = timedelta(seconds=60)  # so far may a prober's clock be ahead of ours
OLDEST = timedelta(days=1)  # an older observation says nothing about now


class SightingReportSerializer(LocatedRow, KnownFields):
    """That somebody uses an address, as a prober outside has seen."""

    ip_address = shapes.Address()
    mac_address = shapes.MAC(required=False, allow_null=True, default=None)
    vrf = RowKey(queryset=VRF.objects.all(), required=False, allow_null=True, default=None)
    hostname = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=255, help_text="What it is called."
    )
    seen_at = serializers.DateTimeField(
        required=False, help_text="When, by the prober's clock; now unless it says."
    )

    class Meta:
        located_by = ("ip_address",)

    def validate_seen_at(self, at: datetime) -> datetime:
        now = timezone.now()
        if at > now + AHEAD:
            text = _("This is %d s in the future. Set the prober's clock.")
            raise serializers.ValidationError(text % (at - now).total_seconds())
        if at < now - OLDEST:
            raise serializers.ValidationError(_("This is more than a day ago."))
        return at


class Sightings(Readable):
    """Evidence that an address is in use: leases, ARP entries, answered pings, reports."""

    queryset = Sighting.objects.order_by("-seen_at", "-pk")
    serializer_class = shapes.SightingSerializer
    filterset_class = filters.SightingFilters
    ordering_fields = ["seen_at", "ip_address"]
    scope = "sightings"
    rights = {"create": Right("sightings", "ipam.add_sighting")}

    def confine(self, rows: QuerySet[Sighting], networks: list[Network]) -> QuerySet[Sighting]:
        return rows.filter(inside("ip_address", networks), vrf=None)

    @extend_schema(
        request=SightingReportSerializer(many=True),
        responses={
            201: OpenApiResponse(
                inline_serializer("SightingsRecorded", {"count": serializers.IntegerField()})
            )
        },
        description=f"Report up to {MAX_ROWS} observations, all of them or none. The newest of an "
        "address, MAC address and source is kept. No documented field is changed.",
    )
    def create(self, request: Request) -> Response:
        bounds: dict[str, Any] = {"many": True, "max_length": MAX_ROWS, "allow_empty": False}
        context = self.get_serializer_context()
        shape = SightingReportSerializer(data=request.data, context=context, **bounds)
        shape.is_valid(raise_exception=True)
        count = record(_seen(row, _name(request)) for row in shape.validated_data)
        return Response({"count": count}, status=201)


def _seen(row: dict[str, Any], reporter: str) -> Seen:
    return Seen(
        ip=row["ip_address"],
        source=Sighting.Source.REPORT,
        at=row.get("seen_at") or timezone.now(),
        mac=row["mac_address"],
        vrf_id=row["vrf"] and row["vrf"].pk,
        hostname=row["hostname"],
        origin=reporter,
    )


def _name(request: Request) -> str:
    """The name of the token, or of the user."""
    if isinstance(request.auth, Token):
        return request.auth.name
    return request.user.get_username()
