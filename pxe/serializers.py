"""The usher's rows as JSON. Shapes only: every rule stands behind `save()`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ipam.serializers import Ledger
from pxe import once
from pxe.models import BootAssignment, BootFile, BootImage


class ImageSerializer(Ledger):
    """Files are named as in the admin: `debian-12/vmlinuz`."""

    kernel = serializers.SlugRelatedField(
        slug_field="name", queryset=BootFile.objects.all(), required=False, allow_null=True
    )
    initrds = serializers.SlugRelatedField(
        slug_field="name", queryset=BootFile.objects.all(), many=True, required=False
    )

    class Meta:
        model = BootImage
        fields = [
            "id", "name", "description", "kind", "arch", "enabled", "position", "kernel", "initrds", "cmdline",
            "answers", "chain_url", "created_at", "updated_at",
        ]  # fmt: skip


class AssignmentSerializer(Ledger):
    """`state` and `attempts` are the machine's to change. A new installation is a new assignment."""

    server_name = serializers.CharField(source="server.hostname", read_only=True)
    image_name = serializers.CharField(source="image.name", read_only=True, default=None, allow_null=True)
    reason = serializers.SerializerMethodField(help_text="Where it stands, in words.")

    class Meta:
        model = BootAssignment
        fields = [
            "id", "server", "server_name", "image", "image_name", "mode", "ends_with", "max_attempts", "time_limit",
            "state", "attempts", "reason", "first_offered_at", "last_offered_at", "ended_at", "created_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields = ["state", "attempts", "first_offered_at", "last_offered_at", "ended_at"]

    def get_reason(self, row: BootAssignment) -> str:
        return once.reason(row) if row.mode == BootAssignment.Mode.ONCE else ""

    def validate_server(self, server: Any) -> Any:
        if self.instance and server != self.instance.server:
            raise serializers.ValidationError("An assignment stays with its server; make one for the other server.")
        return server
