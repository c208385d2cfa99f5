"""The REST API of conflicts."""

from __future__ import annotations

from collections.abc import Iterable

import django_filters as filters
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import Right
from api.known_fields import checked, refuse_body
from api.resources import Readable
from discovery.conflicts import remedies
from discovery.conflicts import serializers as shapes
from discovery.conflicts.models import Conflict
from ipam.api.filters import by_address, by_mac, by_network, inside

CHANGE = Right("addresses", remedies.CHANGE)
SHOWN_STATES = [choice for choice in Conflict.State.choices if choice[0] != "suspected"]


class ConflictFilters(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=Conflict.Kind.choices)
    state = filters.MultipleChoiceFilter(choices=SHOWN_STATES)
    ip_address = by_address()
    within = by_network(field_name="ip_address", method=inside, label="Inside this network.")
    mac = by_mac(field_name="mac_address")
    since = filters.IsoDateTimeFilter(field_name="since", lookup_expr="gt", label="Later than.")

    class Meta:
        model = Conflict
        fields: list[str] = []


class Conflicts(Readable):
    """Where what was seen on the network contradicts the ledger. A conflict names machines
    elsewhere, so a token that is confined to networks cannot read it."""

    queryset = Conflict.objects.shown().order_by("-since", "-pk")
    serializer_class = shapes.ConflictSerializer
    filterset_class = ConflictFilters
    ordering_fields = ["since", "last_seen", "ip_address"]
    confine = None  # type: ignore[assignment]
    rights = {"mute": CHANGE, "unmute": CHANGE, "resolve": CHANGE}

    @extend_schema(request=shapes.MuteSerializer, responses=shapes.ConflictSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def mute(self, request: Request, pk: str) -> Response:
        """Take it out of findings, metrics and alerts, until somebody unmutes it."""
        row, asked = self.get_object(), checked(shapes.MuteSerializer, request)
        return self.shown(remedies.mute(row.pk, asked["reason"]))

    @extend_schema(request=None, responses=shapes.ConflictSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def unmute(self, request: Request, pk: str) -> Response:
        """Show it again."""
        row = self.get_object()
        refuse_body(request)
        return self.shown(remedies.unmute(row.pk))

    @extend_schema(request=shapes.ResolveSerializer, responses=shapes.ConflictSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resolve(self, request: Request, pk: str) -> Response:
        """Do one of its `remedies`."""
        row, asked = self.get_object(), checked(shapes.ResolveSerializer, request)
        require(request, remedies.find(row, asked["remedy"]).permissions)
        return self.shown(remedies.resolve(row.pk, asked["remedy"], asked["note"]))


def require(request: Request, permissions: Iterable[str]) -> None:
    """Raises PermissionDenied."""
    names = list(permissions)
    if not request.user.has_perms(names):
        text = _("This needs the permissions %s.")
        raise exceptions.PermissionDenied(text % ", ".join(names))
