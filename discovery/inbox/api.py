"""The REST API of the inbox."""

from __future__ import annotations

import django_filters as filters
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import Right
from api.bulk import BULK_RESULT, for_each_row
from api.known_fields import checked, refuse_body
from api.resources import Readable
from discovery.conflicts.api import require
from discovery.inbox import serializers as shapes
from discovery.inbox.actions import ACTIONS, CHANGE, act
from discovery.inbox.models import UnknownDevice
from ipam.api.filters import by_address, by_mac, by_network, inside
from ipam.models import Sighting

MAY = Right("addresses", CHANGE)


class UnknownDeviceFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=UnknownDevice.State.choices)
    ip_address = by_address()
    within = by_network(field_name="ip_address", method=inside, label="Seen inside this network.")
    mac = by_mac(field_name="mac_address")
    source = filters.MultipleChoiceFilter(choices=Sighting.Source.choices)
    randomised = filters.BooleanFilter(
        method="filter_randomised", label="With a locally administered MAC address, or without."
    )
    seen_since = filters.IsoDateTimeFilter(
        field_name="last_seen", lookup_expr="gt", label="Seen later than this."
    )

    class Meta:
        model = UnknownDevice
        fields: list[str] = []

    def filter_randomised(
        self, queryset: QuerySet[UnknownDevice], name: str, value: bool
    ) -> QuerySet[UnknownDevice]:
        return queryset.randomised(value)  # type: ignore[attr-defined]


class UnknownDevices(Readable):
    """Devices that were seen and that the ledger does not know."""

    queryset = UnknownDevice.objects.order_by("-last_seen", "-pk")
    serializer_class = shapes.UnknownDeviceSerializer
    filterset_class = UnknownDeviceFilters
    ordering_fields = ["last_seen", "first_seen", "mac_address", "requests"]
    confine = None  # type: ignore[assignment]
    rights = dict.fromkeys([*ACTIONS, "bulk_action"], MAY)

    @extend_schema(request=shapes.NoteSerializer, responses=shapes.UnknownDeviceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def ignore(self, request: Request, pk: str) -> Response:
        """Leave it out of the inbox."""
        return self.after("ignore", checked(shapes.NoteSerializer, request)["note"])

    @extend_schema(request=shapes.NameSerializer, responses=shapes.UnknownDeviceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def reserve(self, request: Request, pk: str) -> Response:
        """Reserve its address for it: an allocation with its MAC address."""
        return self.after("reserve", checked(shapes.NameSerializer, request)["hostname"])

    @extend_schema(request=shapes.NameSerializer, responses=shapes.UnknownDeviceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def adopt(self, request: Request, pk: str) -> Response:
        """Make it a server with its address."""
        return self.after("adopt", checked(shapes.NameSerializer, request)["hostname"])

    @extend_schema(request=shapes.NoteSerializer, responses=shapes.UnknownDeviceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def quarantine(self, request: Request, pk: str) -> Response:
        """Let nobody have its address."""
        return self.after("quarantine", checked(shapes.NoteSerializer, request)["note"])

    @extend_schema(request=None, responses=shapes.UnknownDeviceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def undo(self, request: Request, pk: str) -> Response:
        """Take the last action back, while nothing else has changed."""
        refuse_body(request)
        return self.after("undo", "")

    @extend_schema(request=shapes.BulkActionSerializer, responses=BULK_RESULT)
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk-action",
        filterset_class=None,
        pagination_class=None,
    )
    def bulk_action(self, request: Request) -> Response:
        """The same action for many devices, all of them or none."""
        asked = checked(shapes.BulkActionSerializer, request)
        require(request, ACTIONS[asked["action"]].permissions)
        with transaction.atomic():
            for_each_row(asked["ids"], lambda key: act(key, asked["action"], asked["note"]))
        return Response({"count": len(asked["ids"]), "ids": asked["ids"]})

    def after(self, name: str, note: str) -> Response:
        require(self.request, ACTIONS[name].permissions)
        return self.shown(act(self.get_object().pk, name, note))
