"""The usher's rows as JSON. Shapes only: every rule stands behind `save()`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers

from api.access import confines
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
    """`debian-12/vmlinuz`. No file's name holds a NUL, and PostgreSQL would not even look for
    one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="name", queryset=BootFile.objects.all(), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not names.is_file_name(data):
            self.fail("does_not_exist", slug_name="name", value=str(data)[:200])
        return super().to_internal_value(data)


class ImageSerializer(Ledger):
    """Files are named as in the admin: `debian-12/vmlinuz`."""

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
    """`state` and `attempts` are the machine's to change. A new installation is a new
    assignment."""

    server_name = serializers.CharField(source="server.hostname", read_only=True)
    image_name = serializers.CharField(
        source="image.name", read_only=True, default=None, allow_null=True
    )
    reason = serializers.SerializerMethodField(help_text="Where it stands, in words.")

    class Meta:
        model = BootAssignment
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
        return boot_once.reason(row) if row.mode == BootAssignment.Mode.ONCE else ""

    def validate_image(self, image: BootImage | None) -> BootImage | None:
        """An answer file may open machines, and belongs to no network: who has bounds does not
        choose one."""
        request = self.context.get("request")
        known = self.instance and self.instance.image == image
        if image and image.answers_id and not known and request and confines(request):
            text = _(
                "“%s” has an answer file; a token that is for some networks only cannot assign it."
            )
            raise exceptions.PermissionDenied(text % image)
        return image

    def validate_server(self, server: Any) -> Any:
        if self.instance and server != self.instance.server:
            raise serializers.ValidationError(
                "An assignment stays with its server; make one for the other server."
            )
        return server


class FileSerializer(Ledger):
    """Its content is sent to `content/`; a file that lies in its place already is measured."""

    class Meta:
        model = BootFile
        fields = ["id", "name", "url", "size", "sha256", "created_at", "updated_at"]
        read_only_fields = ["size", "sha256"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance and attrs.get("name", self.instance.name) != self.instance.name:
            raise serializers.ValidationError(
                {"name": [_("A file keeps its name; make a row for the other one.")]}
            )
        return attrs

    def create(self, validated_data: dict[str, Any]) -> BootFile:
        file = BootFile(**validated_data)
        if not file.url and names.is_file_name(file.name):
            with contextlib.suppress(NotFound):
                files.measure(file)
        file.save()
        return file


class AnswersSerializer(Ledger):
    """What may open the machines can be written here and read nowhere."""

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
        fields = ["id", "server", "uuid", "serial"]


class MenuSerializer(Ledger):
    """For whom it is, and what is in it. A list that is sent replaces the one that was."""

    images = serializers.PrimaryKeyRelatedField(
        queryset=BootImage.objects.all(), many=True, required=False
    )
    servers = serializers.PrimaryKeyRelatedField(
        queryset=Server.objects.all(), many=True, required=False
    )
    subnets = serializers.PrimaryKeyRelatedField(
        queryset=Subnet.objects.all(), many=True, required=False
    )

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
        servers, subnets = (self.validated_data.pop(name, None) for name in ("servers", "subnets"))
        with transaction.atomic():
            menu = super().save(**kwargs)
            show_to(menu, MenuServer, "server", servers)
            show_to(menu, MenuSubnet, "subnet", subnets)
        return menu


def show_to(menu: BootMenu, model: Any, field: str, wanted: Sequence[Any] | None) -> None:
    """Make these see the menu, and no others; None leaves them. Raises ValidationError for who sees
    another one."""
    if wanted is None:
        return
    rows = model.objects.filter(menu=menu)
    rows.exclude(**{f"{field}__in": wanted}).delete()
    there = set(rows.values_list(field, flat=True))
    for number, one in enumerate(wanted):
        if one.pk in there:
            continue
        there.add(one.pk)
        if other := model.objects.filter(**{field: one}).select_related("menu").first():
            text = _("%(one)s sees “%(menu)s” already; take it out there first.") % {
                "one": one,
                "menu": other.menu,
            }
            raise ValidationError({f"{field}s.{number}": Clash(text)})
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
