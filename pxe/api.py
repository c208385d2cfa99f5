"""Boot images and assignments over HTTP, for provisioning tools."""

from __future__ import annotations

import django_filters as filters
from django.db.models import QuerySet
from rest_framework.permissions import SAFE_METHODS
from rest_framework.routers import SimpleRouter

from ipam.addresses import Network
from ipam.models import Server
from ipmanager.rest import Resource
from pxe.models import BootAssignment, BootImage
from pxe.querysets import initrds
from pxe.serializers import AssignmentSerializer, ImageSerializer


class ImageFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=60)
    kind = filters.ChoiceFilter(choices=BootImage.Kind.choices)
    arch = filters.ChoiceFilter(choices=BootImage.Arch.choices)
    enabled = filters.BooleanFilter()

    class Meta:
        model = BootImage
        fields: list[str] = []


class AssignmentFilters(filters.FilterSet):
    server = filters.ModelChoiceFilter(queryset=Server.objects.all())
    image = filters.ModelChoiceFilter(queryset=BootImage.objects.all())
    mode = filters.ChoiceFilter(choices=BootAssignment.Mode.choices)
    state = filters.MultipleChoiceFilter(choices=BootAssignment.State.choices)

    class Meta:
        model = BootAssignment
        fields: list[str] = []


class BootImages(Resource):
    """What machines can boot."""

    queryset = BootImage.objects.select_related("kernel").prefetch_related(initrds()).order_by("position", "name", "pk")
    serializer_class = ImageSerializer
    filterset_class = ImageFilters
    ordering_fields = ["name", "position", "created_at", "updated_at"]
    scope = "boot"

    def confine(self, rows: QuerySet[BootImage], networks: list[Network]) -> QuerySet[BootImage]:
        """Images belong to no network: a confined token may choose among them, and change none."""
        return rows if self.request.method in SAFE_METHODS else rows.none()


class BootAssignments(Resource):
    """Which server boots what, once or always."""

    queryset = BootAssignment.objects.select_related("server", "image").order_by("-pk")
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilters
    ordering_fields = ["server", "state", "created_at", "updated_at"]
    scope = "boot"

    def confine(self, rows: QuerySet[BootAssignment], networks: list[Network]) -> QuerySet[BootAssignment]:
        return rows.filter(server__in=Server.objects.confined(networks))


RESOURCES = {"boot-images": BootImages, "boot-assignments": BootAssignments}


def register(router: SimpleRouter) -> None:
    """Put the usher's resources under their names."""
    for name, view in RESOURCES.items():
        router.register(name, view)
