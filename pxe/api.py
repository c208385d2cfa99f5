"""The REST API of network boot: images, files, menus, assignments, and the boot events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import django_filters as filters
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from api.access import Right
from api.confinement import RowFilter
from api.resources import Readable, Resource
from core.errors import Conflict, Invalid
from ipam.addresses import Network
from ipam.api.filters import by_address, by_mac
from ipam.models import Server, Subnet
from pxe import files
from pxe import serializers as shapes
from pxe.models import (
    BootAnswers,
    BootAssignment,
    BootEvent,
    BootFile,
    BootIdentity,
    BootImage,
    BootMenu,
)
from pxe.querysets import initrds


class ImageFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=60)
    kind = filters.ChoiceFilter(choices=BootImage.Kind.choices)
    arch = filters.ChoiceFilter(choices=BootImage.Arch.choices)
    enabled = filters.BooleanFilter()

    class Meta:
        model = BootImage
        fields: list[str] = []


class AssignmentFilters(filters.FilterSet):
    server = RowFilter(queryset=Server.objects.all())
    image = RowFilter(queryset=BootImage.objects.all())
    mode = filters.ChoiceFilter(choices=BootAssignment.Mode.choices)
    state = filters.MultipleChoiceFilter(choices=BootAssignment.State.choices)

    class Meta:
        model = BootAssignment
        fields: list[str] = []


class FileFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=200)
    sha256 = filters.CharFilter(max_length=64)
    q = filters.CharFilter(field_name="name", lookup_expr="icontains", max_length=200)

    class Meta:
        model = BootFile
        fields: list[str] = []


class AnswersFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=60)
    kind = filters.ChoiceFilter(choices=BootAnswers.Kind.choices)

    class Meta:
        model = BootAnswers
        fields: list[str] = []


class MenuFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=60)
    is_default = filters.BooleanFilter()
    parent = RowFilter(queryset=BootMenu.objects.all(), null_label="none", null_value="none")
    server = RowFilter(field_name="server_rows__server", queryset=Server.objects.all())
    subnet = RowFilter(field_name="subnet_rows__subnet", queryset=Subnet.objects.all())

    class Meta:
        model = BootMenu
        fields: list[str] = []


class IdentityFilters(filters.FilterSet):
    server = RowFilter(queryset=Server.objects.all())
    uuid = filters.UUIDFilter()
    serial = filters.CharFilter(max_length=100)

    class Meta:
        model = BootIdentity
        fields: list[str] = []


class EventFilters(filters.FilterSet):
    server = RowFilter(queryset=Server.objects.all(), null_label="unknown", null_value="none")
    assignment = RowFilter(queryset=BootAssignment.objects.all())
    kind = filters.MultipleChoiceFilter(choices=BootEvent.Kind.choices)
    ip_address = by_address()
    mac = by_mac(field_name="mac_address")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gt", label="Later than this.")

    class Meta:
        model = BootEvent
        fields: list[str] = []


class BootImages(Resource):
    """Boot images."""

    queryset = (
        BootImage.objects.select_related("kernel")
        .prefetch_related(initrds())
        .order_by("position", "name", "pk")
    )
    serializer_class = as_of_class = shapes.ImageSerializer
    present_facts = ["initrds"]  # have no history
    filterset_class = ImageFilters
    ordering_fields = ["name", "position", "created_at", "updated_at"]
    scope = "boot"

    def confine(self, rows: QuerySet[BootImage], networks: list[Network]) -> QuerySet[BootImage]:
        """Images belong to no network: a token limited to some networks may read them only."""
        if self.request.method in SAFE_METHODS:
            return rows
        return rows.none()


class BootAssignments(Resource):
    """Boot assignments: which server boots which image, once or always."""

    queryset = BootAssignment.objects.select_related("server", "image").order_by("-pk")
    serializer_class = as_of_class = shapes.AssignmentSerializer
    present_facts = ["reason"]
    filterset_class = AssignmentFilters
    ordering_fields = ["server", "state", "created_at", "updated_at"]
    scope = "boot"


class Raw(BaseParser):
    """Pass the request body on as a stream."""

    media_type = "application/octet-stream"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class BootFiles(Resource):
    """Kernels, initrds and other boot files, stored here or on another web server."""

    queryset = BootFile.objects.order_by("name")
    serializer_class = shapes.FileSerializer
    filterset_class = FileFilters
    ordering_fields = ["name", "size", "created_at", "updated_at"]
    scope = "boot"
    confine = None  # type: ignore[assignment]
    rights = {"content": Right("boot", "pxe.change_bootfile")}

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=shapes.FileSerializer,
        operation_id="boot_files_content",
    )
    @action(detail=True, methods=["put"], parser_classes=[Raw], filterset_class=None)
    def content(self, request: Request, pk: str) -> Response:
        """Store the request body as the file's content, replacing the former one. Any size."""
        file = self.get_object()
        if file.url:
            raise Conflict(
                _("“%s” is stored on another web server.") % file, _("Clear its URL first.")
            )
        body: Any = request.data
        if not hasattr(body, "read"):
            raise Invalid(_("Send the file as the body, with its Content-Length."))
        files.store(file, _chunks(body, int(request.META["CONTENT_LENGTH"])))
        with transaction.atomic():
            file.save()
        return self.shown(self.get_object())


class BootAnswerFiles(Resource):
    """Answer files of unattended installations. Their content and secrets are write-only."""

    queryset = BootAnswers.objects.order_by("name")
    serializer_class = shapes.AnswersSerializer
    filterset_class = AnswersFilters
    ordering_fields = ["name", "kind", "created_at", "updated_at"]
    scope = "boot"
    confine = None  # type: ignore[assignment]


class BootMenus(Resource):
    """Menus on the boot screen, for some servers, some subnets, or every other machine."""

    queryset = BootMenu.objects.prefetch_related(
        "images", "server_rows__server", "subnet_rows__subnet"
    ).order_by("name")
    serializer_class = shapes.MenuSerializer
    filterset_class = MenuFilters
    ordering_fields = ["name", "created_at", "updated_at"]
    scope = "boot"
    confine = None  # type: ignore[assignment]


class BootIdentities(Resource):
    """UUIDs and serial numbers of firmware, for machines whose MAC is not in the ledger."""

    queryset = BootIdentity.objects.order_by("pk")
    serializer_class = shapes.IdentitySerializer
    filterset_class = IdentityFilters
    ordering_fields = ["server", "serial"]
    scope = "boot"

    def confine(
        self, rows: QuerySet[BootIdentity], networks: list[Network]
    ) -> QuerySet[BootIdentity]:
        return rows.filter(server__in=Server.objects.confined(networks))


class BootEvents(Readable):
    """The boot events, newest first."""

    queryset = BootEvent.objects.order_by("-at", "pk")
    serializer_class = shapes.EventSerializer
    filterset_class = EventFilters
    ordering_fields = ["at"]


def _chunks(body: IO[bytes], size: int) -> Iterator[bytes]:
    """A body of this size in chunks. Raises Invalid when it ends early."""
    while size:
        chunk = body.read(min(size, files.CHUNK))
        if not chunk:
            raise Invalid(
                _("The upload was cut off: %d bytes are missing.") % size, _("Send it again.")
            )
        size -= len(chunk)
        yield chunk


RESOURCES = {
    "boot-images": BootImages,
    "boot-assignments": BootAssignments,
    "boot-files": BootFiles,
    "boot-answers": BootAnswerFiles,
    "boot-menus": BootMenus,
    "boot-identities": BootIdentities,
    "boot-events": BootEvents,
}


def register(router: SimpleRouter) -> None:
    """Register the resources under their URLs."""
    for name, view in RESOURCES.items():
        router.register(name, view)
