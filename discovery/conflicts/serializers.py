"""Conflicts as JSON."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.known_fields import KnownFields
from api.resources import ChosenFields
from discovery.conflicts.models import Conflict
from discovery.conflicts.remedies import REMEDIES, fitting
from discovery.manufacturer import manufacturer
from ipam.api.serializers import MAC, Address

NAMES = [remedy.name for remedy in REMEDIES]


class LedgerSideSerializer(serializers.Serializer):
    """Who has the address in the ledger, or in which pool it is."""

    kind = serializers.CharField(required=False)
    id = serializers.IntegerField(required=False)
    name = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    macs = serializers.ListField(child=serializers.CharField(), required=False)
    ip = serializers.CharField(required=False)
    pool = serializers.CharField(required=False)
    pool_kind = serializers.CharField(required=False)


class SeenSideSerializer(serializers.Serializer):
    """One piece of evidence; `own` when it shows the ledger's machine, `known` is the server that
    has the MAC address."""

    mac = serializers.CharField(allow_null=True)
    manufacturer = serializers.CharField()
    ip = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    first_seen = serializers.DateTimeField()
    seen = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    hostname = serializers.CharField()
    own = serializers.BooleanField()
    known = serializers.CharField()
    place = serializers.CharField(required=False)
    offered = serializers.CharField(required=False)
    router = serializers.CharField(required=False)
    client = serializers.CharField(required=False)


class ConflictSerializer(ChosenFields, serializers.ModelSerializer):
    """What was seen, beside what the ledger says."""

    ip_address = Address(allow_null=True)
    mac_address = MAC(allow_null=True)
    ledger = serializers.SerializerMethodField()
    seen = serializers.SerializerMethodField()
    remedies = serializers.SerializerMethodField()

    class Meta:
        model = Conflict
        fields = [
            "id",
            "kind",
            "state",
            "vrf",
            "ip_address",
            "mac_address",
            "since",
            "last_seen",
            "ended_at",
            "ledger",
            "seen",
            "reason",
            "muted_by",
            "remedies",
        ]

    @extend_schema_field(LedgerSideSerializer)
    def get_ledger(self, row: Conflict) -> dict:
        return row.ledger

    @extend_schema_field(SeenSideSerializer(many=True))
    def get_seen(self, row: Conflict) -> list[dict]:
        left_out = {"id", "known_kind", "known_id"}
        sides = []
        for one in row.seen:
            side = {name: value for name, value in one.items() if name not in left_out}
            sides.append({**side, "manufacturer": manufacturer(one["mac"])})
        return sides

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(NAMES)))
    def get_remedies(self, row: Conflict) -> list[str]:
        return [remedy.name for remedy in fitting(row)]


class MuteSerializer(KnownFields):
    reason = serializers.CharField(max_length=255, help_text="Why it is no conflict.")


class ResolveSerializer(KnownFields):
    remedy = serializers.ChoiceField(NAMES)
    note = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        default="",
        help_text="A host name, the name of an interface, or why: as the remedy needs it.",
    )
