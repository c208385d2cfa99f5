"""Unknown devices as JSON."""

from __future__ import annotations

from rest_framework import serializers

from api.known_fields import KnownFields
from api.parsers import MAX_ROWS
from api.resources import ChosenFields
from discovery.inbox.actions import ACTIONS
from discovery.inbox.models import UnknownDevice
from discovery.manufacturer import manufacturer
from ipam.api.serializers import MAC, Address

NAMES = list(ACTIONS)


class UnknownDeviceSerializer(ChosenFields, serializers.ModelSerializer):
    """A MAC address that no card of the ledger has."""

    mac_address = MAC()
    ip_address = Address(allow_null=True)
    manufacturer = serializers.SerializerMethodField()
    randomised = serializers.BooleanField(source="is_randomised", read_only=True)
    actions = serializers.SerializerMethodField()

    class Meta:
        model = UnknownDevice
        fields = [
            "id",
            "mac_address",
            "state",
            "manufacturer",
            "randomised",
            "first_seen",
            "last_seen",
            "vrf",
            "ip_address",
            "source",
            "origin",
            "hostname",
            "requests",
            "asked_at",
            "note",
            "done",
            "actions",
        ]

    def get_manufacturer(self, row: UnknownDevice) -> str:
        return manufacturer(row.mac_address)

    def get_actions(self, row: UnknownDevice) -> list[str]:
        return [action.name for action in ACTIONS.values() if action.fits(row)]


class NoteSerializer(KnownFields):
    note = serializers.CharField(
        max_length=255, required=False, allow_blank=True, default="", help_text="Why."
    )


class NameSerializer(KnownFields):
    hostname = serializers.CharField(
        max_length=253,
        required=False,
        allow_blank=True,
        default="",
        help_text="Empty: the name that it claims, or one made from its MAC address.",
    )


class BulkActionSerializer(KnownFields):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18 - 1),
        min_length=1,
        max_length=MAX_ROWS,
    )
    action = serializers.ChoiceField(NAMES)
    note = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
