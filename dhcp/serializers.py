"""The scribe's rows as JSON. Shapes only: every rule stands behind `save()`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.resources import ChosenFields
from dhcp.files.targets import DEFAULT
from dhcp.models import (
    DhcpChange,
    DhcpOption,
    DhcpScope,
    DhcpServer,
    Eviction,
    Generation,
    HandEdit,
    Lease,
)
from ipam.api.serializers import MAC, Address, Ledger

MOST_OPTIONS = 253  # numbers that an option can have
RESULTS = ["applied", "unchanged", "failed", "left"]
OBJECTS = serializers.ListField(child=serializers.DictField())


class DhcpServerSerializer(Ledger):
    """The agent's own words can only be read."""

    class Meta:
        model = DhcpServer
        fields = [
            "id",
            "name",
            "site",
            "description",
            "enabled",
            "run_by",
            "reload",
            "dns",
            "leases",
            "last_seen_at",
            "agent_host",
            "agent_version",
        ]
        read_only_fields = ["last_seen_at", "agent_host", "agent_version"]


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 254}, {"type": "string"}]}
)
class OptionNumber(serializers.Field):
    """`42` or `ntp-server`; shown as the number."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) not in (int, str) or len(str(data)[:81]) > 80:
            raise serializers.ValidationError(_("Give an option's number or its name."))
        return data

    def to_representation(self, value: Any) -> int:
        return value


class OptionSerializer(Ledger):
    number = OptionNumber()

    class Meta:
        model = DhcpOption
        fields = ["number", "type", "value"]


class ScopeSerializer(Ledger):
    """A scope with its options; a list of options that is sent replaces the one that was."""

    options: serializers.ListSerializer = serializers.ListSerializer(
        child=OptionSerializer(), required=False, max_length=MOST_OPTIONS
    )

    class Meta:
        model = DhcpScope
        fields = [
            "id",
            "subnet",
            "server",
            "enabled",
            "lease_time",
            "known_only",
            "router",
            "dns_servers",
            "ntp_servers",
            "domain",
            "boot_server",
            "boot_file",
            "advertises",
            "by_end",
            "wire",
            "wire_address",
            "options",
        ]

    def create(self, validated_data: dict[str, Any]) -> DhcpScope:
        options = validated_data.pop("options", None)
        with transaction.atomic():
            return _with_options(super().create(validated_data), options)

    def update(self, instance: DhcpScope, validated_data: dict[str, Any]) -> DhcpScope:
        options = validated_data.pop("options", None)
        with transaction.atomic():
            return _with_options(super().update(instance, validated_data), options)


def _with_options(scope: DhcpScope, facts: Sequence[dict[str, Any]] | None) -> DhcpScope:
    """The scope with these options and no others; None leaves them. Only what differs is
    written."""
    if facts is None:
        return scope
    there = {option.number: option for option in DhcpOption.objects.filter(scope=scope)}
    wanted = _readable(scope, facts)
    for number in there.keys() - wanted.keys():
        there[number].delete()
    for number, option in wanted.items():
        known = there.get(number, option)
        if known is option or (known.type, known.value) != (option.type, option.value):
            known.type, known.value = option.type, option.value
            known.save()
    return scope


def _readable(scope: DhcpScope, facts: Sequence[dict[str, Any]]) -> dict[int, DhcpOption]:
    """By their numbers. Raises ValidationError with `options.0.value` and the like."""
    wanted: dict[int, DhcpOption] = {}
    errors: dict[str, list[str]] = {}
    for place, said in enumerate(facts):
        option = DhcpOption(scope=scope, **said)
        try:
            option.clean_fields(exclude=["scope"])
            option.clean()
        except ValidationError as error:
            errors |= {f"options.{place}.{name}": told for name, told in error.message_dict.items()}
            continue
        if option.number in wanted:
            errors[f"options.{place}.number"] = [_("Option %d stands here twice.") % option.number]
        wanted[option.number] = option
    if errors:
        raise ValidationError(errors)
    return wanted


@extend_schema_field(serializers.CharField())
class OfServer(serializers.ReadOnlyField):
    """The name of the DHCP server whose row it is, or `default`."""

    def __init__(self) -> None:
        super().__init__(source="*")

    def to_representation(self, row: Any) -> str:
        return row.server.name if row.server else DEFAULT


class ChangeSerializer(ChosenFields, serializers.ModelSerializer):
    server = OfServer()

    class Meta:
        model = DhcpChange
        fields = ["id", "server", "kind", "object_id", "label", "action", "detail", "who", "at"]


class GenerationSerializer(ChosenFields, serializers.ModelSerializer):
    server = OfServer()
    kept = serializers.BooleanField(help_text="Whether one can go back to it.")

    class Meta:
        model = Generation
        fields = [
            "id",
            "server",
            "result",
            "reason",
            "confirmed",
            "digest",
            "hosts",
            "duration_ms",
            "attempts",
            "kept",
            "created_at",
            "updated_at",
        ]


class WholeGenerationSerializer(GenerationSerializer):
    """With its long texts."""

    problems = OBJECTS
    changes = OBJECTS
    probes = serializers.ListField(child=serializers.DictField(), allow_null=True)

    class Meta(GenerationSerializer.Meta):
        fields = [*GenerationSerializer.Meta.fields, "problems", "changes", "diff", "probes"]


class HandEditSerializer(ChosenFields, serializers.ModelSerializer):
    server = OfServer()

    class Meta:
        model = HandEdit
        fields = [
            "id",
            "server",
            "file",
            "action",
            "was",
            "line",
            "raw",
            "served",
            "reason",
            "found_at",
            "state",
            "decided_by",
            "decided_at",
        ]


class LeaseSerializer(ChosenFields, serializers.ModelSerializer):
    ip_address = Address()
    mac_address = MAC(allow_null=True)
    verdict = serializers.ChoiceField(Lease.Verdict.choices)
    server = serializers.SerializerMethodField(
        help_text="The DHCP server in whose lease file it stands."
    )

    class Meta:
        model = Lease
        fields = [
            "id",
            "ip_address",
            "mac_address",
            "duid",
            "hostname",
            "leased_until",
            "seen_at",
            "server",
            "verdict",
        ]

    def get_server(self, lease: Lease) -> str:
        return lease.origin or DEFAULT


class EvictionSerializer(ChosenFields, serializers.ModelSerializer):
    ip_address = Address()
    mac_address = MAC()

    class Meta:
        model = Eviction
        fields = ["id", "ip_address", "mac_address", "until", "at", "who"]


# --- what verbs want and tell ---------------------------------------------------------------------


class WhichServerSerializer(serializers.Serializer):
    server = serializers.CharField(
        max_length=50, required=False, default=DEFAULT, help_text="The name of a server."
    )


class SyncSerializer(WhichServerSerializer):
    force = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Even if more than half of the reservations would vanish.",
    )


class OutcomeSerializer(serializers.Serializer):
    """What became of a sync. `left`: somebody else is at it, or dnsmasq is slow; the worker goes
    on."""

    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField(allow_blank=True)
    generation = serializers.IntegerField(allow_null=True)
    confirmed = serializers.BooleanField(allow_null=True)
    hosts = serializers.IntegerField()
    problems = OBJECTS
    changes = serializers.IntegerField()
    diff = serializers.CharField(allow_blank=True)
    duration_ms = serializers.IntegerField()


class StateSerializer(serializers.Serializer):
    """Whether a DHCP server is in step with the ledger, and why not."""

    server = serializers.CharField()
    enabled = serializers.BooleanField()
    run_by = serializers.ChoiceField(DhcpServer.RunBy.choices)
    last_seen_at = serializers.DateTimeField(allow_null=True, help_text="Of its agent.")
    in_step = serializers.BooleanField()
    pending = serializers.IntegerField(help_text="Changes that it has not heard of.")
    held_at = serializers.IntegerField(
        allow_null=True,
        help_text="The generation that it is held at; null as well where its files are elsewhere.",
    )
    generation = serializers.IntegerField(allow_null=True)
    result = serializers.ChoiceField(Generation.Result.choices, allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    hosts = serializers.IntegerField()
    tried_at = serializers.DateTimeField(allow_null=True)


class StepSerializer(serializers.Serializer):
    question = serializers.CharField()
    answer = serializers.CharField()
    good = serializers.BooleanField(allow_null=True)


class WhySerializer(serializers.Serializer):
    """The decision about a card, step by step."""

    mac = MAC()
    steps = StepSerializer(many=True)
    verdict = serializers.CharField()
    good = serializers.BooleanField()
