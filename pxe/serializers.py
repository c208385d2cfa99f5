"""The JSON of network boot. Shapes only: `save()` enforces every rule."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers

from api.access import confines
from api.confinement import RowKey
from api.resources import ChosenFields
from core.errors import Clash, NotFound
from ipam.api.serializers import MAC, Address, Ledger
from ipam.models import Server, Subnet
from pxe import files, names
from pxe.boot import boot_once
from pxe.models import (
    BootAnswers,
    BootAssignment,
    BootEvent,
    BootFile,
    BootIdentity,
    BootImage,
    BootMenu,
    MenuServer,
    MenuSubnet,
)


class FileByName(serializers.SlugRelatedField):
    """A boot file by its name, as in `debian-12/vmlinuz`.

    The name is validated first: PostgreSQL refuses to look for a NUL character."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="name", queryset=BootFile.objects.all(), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not names.is_file_name(data):
            self.fail("does_not_exist", slug_name="name", value=str(data)[:200])
        return super().to_internal_value(data)


class ImageSerializer(Ledger):
    """A boot image; its files are given by name: `debian-12/vmlinuz`."""

    kernel = FileByName(required=False, allow_null=True)
    initrds = serializers.ManyRelatedField(child_relation=FileByName(), required=False)

    class Meta:
        model = BootImage
        fields = [
            "id",
            "name",
            "description",
            "kind",
            "arch",
            "enabled",
            "position",
            "kernel",
            "initrds",
            "cmdline",
            "answers",
            "chain_url",
            "created_at",
            "updated_at",
        ]


class AssignmentSerializer(Ledger):
    """A boot assignment. Only booting changes `state` and `attempts`; to install again, create
    another assignment."""

    server_name = serializers.CharField(source="server.hostname", read_only=True)
    image_name = serializers.CharField(
        source="image.name", read_only=True, default=None, allow_null=True
    )
    reason = serializers.SerializerMethodField(help_text="Its state in words.")

    class Meta:
        model = BootAssignment
        located_by = ["server"]
        fields = [
            "id",
            "server",
            "server_name",
            "image",
            "image_name",
            "mode",
            "ends_with",
            "max_attempts",
            "time_limit",
            "state",
            "attempts",
            "reason",
            "first_offered_at",
            "last_offered_at",
            "ended_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["state", "attempts", "first_offered_at", "last_offered_at", "ended_at"]

    def get_reason(self, row: BootAssignment) -> str:
        if row.mode != BootAssignment.Mode.ONCE or row.attempts is None:
            return ""  # history does not count the attempts
        return boot_once.reason(row)

    def validate_image(self, image: BootImage | None) -> BootImage | None:
        """An answer file may hold secrets and belongs to no network, so a token that is limited to
        some networks cannot assign it."""
        if getattr(image, "answers_id", None) is None:
            return image
        unchanged = self.instance and self.instance.image == image
        request = self.context.get("request")
        if not unchanged and request and confines(request):
            text = _("“%s” has an answer file. A token limited to some networks cannot assign it.")
            raise exceptions.PermissionDenied(text % image)
        return image

    def validate_server(self, server: Any) -> Any:
        if self.instance and server != self.instance.server:
            raise serializers.ValidationError(
                _("The server of an assignment cannot change. Create one for the other server.")
            )
        return server


class FileSerializer(Ledger):
    """A boot file. Its content is sent to `content/`; a file that is already in its place is
    measured."""

    class Meta:
        model = BootFile
        fields = ["id", "name", "url", "size", "sha256", "created_at", "updated_at"]
        read_only_fields = ["size", "sha256"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance and attrs.get("name", self.instance.name) != self.instance.name:
            raise serializers.ValidationError(
                {"name": [_("The name of a file cannot change. Create another file.")]}
            )
        return attrs

    def create(self, validated_data: dict[str, Any]) -> BootFile:
        file = BootFile(**validated_data)
        if not file.url:
            with contextlib.suppress(NotFound):
                files.measure(file)
        file.save()
        return file


class AnswersSerializer(Ledger):
    """An answer file. Its content and secrets are write-only."""

    class Meta:
        model = BootAnswers
        fields = [
            "id",
            "name",
            "kind",
            "text",
            "password_hash",
            "ssh_key",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {name: {"write_only": True} for name in ("text", "password_hash", "ssh_key")}


class IdentitySerializer(Ledger):
    class Meta:
        model = BootIdentity
        located_by = ["server"]
        fields = ["id", "server", "uuid", "serial"]


class MenuSerializer(Ledger):
    """A boot menu. A list that is sent replaces the stored one."""

    images = RowKey(queryset=BootImage.objects.all(), many=True, required=False)
    servers = RowKey(queryset=Server.objects.all(), many=True, required=False)
    subnets = RowKey(queryset=Subnet.objects.all(), many=True, required=False)

    class Meta:
        model = BootMenu
        fields = [
            "id",
            "name",
            "title",
            "is_default",
            "parent",
            "all_images",
            "images",
            "default_image",
            "timeout",
            "shell",
            "servers",
            "subnets",
            "created_at",
            "updated_at",
        ]

    def to_representation(self, menu: BootMenu) -> dict[str, Any]:
        menu.servers = [row.server for row in menu.server_rows.all()]  # type: ignore[attr-defined]
        menu.subnets = [row.subnet for row in menu.subnet_rows.all()]  # type: ignore[attr-defined]
        return super().to_representation(menu)

    def save(self, **kwargs: Any) -> BootMenu:
        servers = self.validated_data.pop("servers", None)
        subnets = self.validated_data.pop("subnets", None)
        with transaction.atomic():
            menu = super().save(**kwargs)
            if servers is not None:
                set_audience(menu, MenuServer, "server", servers)
            if subnets is not None:
                set_audience(menu, MenuSubnet, "subnet", subnets)
        return menu


def set_audience(menu: BootMenu, model: Any, field: str, wanted: Sequence[Any]) -> None:
    """Make exactly these servers (or subnets) get the menu.

    Raises ValidationError for one that gets another menu already."""
    rows = model.objects.filter(menu=menu)
    rows.exclude(**{f"{field}__in": wanted}).delete()
    done = set(rows.values_list(field, flat=True))
    for number, one in enumerate(wanted):
        if one.pk in done:
            continue
        done.add(one.pk)
        other = model.objects.filter(**{field: one}).select_related("menu").first()
        if other:
            text = _("%(one)s already gets “%(menu)s”. Remove it there first.")
            problem = Clash(text % {"one": one, "menu": other.menu})
            raise ValidationError({f"{field}s.{number}": problem})
        model(menu=menu, **{field: one}).save()


class EventSerializer(ChosenFields, serializers.ModelSerializer):
    ip_address = Address(allow_null=True)
    mac_address = MAC(allow_null=True)

    class Meta:
        model = BootEvent
        fields = [
            "id",
            "at",
            "kind",
            "server",
            "ip_address",
            "mac_address",
            "firmware",
            "image",
            "assignment",
            "detail",
        ]
