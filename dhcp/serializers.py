"""The rows of DHCP as JSON. Shapes only: `save()` checks every rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.known_fields import KnownFields
from api.resources import ChosenFields
from core.errors import Reason
from dhcp.files.targets import DEFAULT
from dhcp.models import (
    DhcpChange,
    DhcpOption,
    DhcpScope,
    DhcpServer,
    DhcpTransaction,
    DnsmasqHeartbeat,
    Eviction,
    Generation,
    HandEdit,
    Lease,
)
from ipam.api.serializers import MAC, Address, Ledger

MOST_OPTIONS = 253  # numbers that an option can have
RESULTS = ["applied", "unchanged", "failed", "left", "held"]
OBJECTS = serializers.ListField(child=serializers.DictField())


class DhcpServerSerializer(Ledger):
    """What the agent reports is read-only."""

    conf_installed = serializers.BooleanField(
        source="report.conf_installed",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Whether the proposed configuration is installed on the agent's host.",
    )
    clock_ahead = serializers.FloatField(
        source="report.clock_ahead",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="By how many seconds the agent's clock is ahead.",
    )

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
            "log",
            "last_seen_at",
            "agent_host",
            "agent_version",
            "conf_installed",
            "clock_ahead",
        ]
        read_only_fields = ["last_seen_at", "agent_host", "agent_version"]


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 254}, {"type": "string"}]}
)
class OptionNumber(serializers.Field):
    """`42` or `ntp-server`; shown as the number."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) not in (int, str) or len(str(data)[:81]) > 80:
            raise serializers.ValidationError(_("Enter an option's number or its name."))
        return data

    def to_representation(self, value: Any) -> int:
        return value


class OptionSerializer(Ledger):
    number = OptionNumber()

    class Meta:
        model = DhcpOption
        fields = ["number", "type", "value"]


class ScopeSerializer(Ledger):
    """A scope with its options. A list of options replaces the former one."""

    options: serializers.ListSerializer = serializers.ListSerializer(
        child=OptionSerializer(), required=False, max_length=MOST_OPTIONS
    )

    class Meta:
        model = DhcpScope
        located_by = ["subnet"]
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
            "interface",
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
    """Give the scope these options and no others; None leaves them. Only differences are
    written."""
    if facts is None:
        return scope
    stored = {option.number: option for option in DhcpOption.objects.filter(scope=scope)}
    wanted = _parse_options(scope, facts)
    for number in stored.keys() - wanted.keys():
        stored[number].delete()
    for number, option in wanted.items():
        if number not in stored:
            option.save()
            continue
        row = stored[number]
        if (row.type, row.value) != (option.type, option.value):
            row.type, row.value = option.type, option.value
            row.save()
    return scope


def _parse_options(scope: DhcpScope, facts: Sequence[dict[str, Any]]) -> dict[int, DhcpOption]:
    """The options by their numbers. Raises ValidationError; its fields are `options.0.value` and
    the like."""
    wanted: dict[int, DhcpOption] = {}
    errors: dict[str, list[str]] = {}
    for place, values in enumerate(facts):
        option = DhcpOption(scope=scope, **values)
        try:
            option.clean_fields(exclude=["scope"])
            option.clean()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                errors[f"options.{place}.{name}"] = messages
            continue
        if option.number in wanted:
            text = _("Option %d is given twice.") % option.number
            errors[f"options.{place}.number"] = [Reason(text)]
        wanted[option.number] = option
    if errors:
        raise ValidationError(errors)
    return wanted


@extend_schema_field(serializers.CharField())
class OfServer(serializers.ReadOnlyField):
    """The name of the row's DHCP server, or `default`."""

    def __init__(self) -> None:
        super().__init__(source="*")

    def to_representation(self, row: Any) -> str:
        if row.server is None:
            return DEFAULT
        return row.server.name


class ChangeSerializer(ChosenFields, serializers.ModelSerializer):
    server = OfServer()

    class Meta:
        model = DhcpChange
        fields = ["id", "server", "kind", "object_id", "label", "action", "detail", "who", "at"]


class GenerationSerializer(ChosenFields, serializers.ModelSerializer):
    server = OfServer()
    kept = serializers.BooleanField(help_text="Whether a rollback to it is possible.")

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
    names = serializers.DictField(
        allow_null=True, help_text="What dnsmasq answered for names that changed."
    )

    class Meta(GenerationSerializer.Meta):
        further = ["problems", "changes", "diff", "probes", "names"]
        fields = [*GenerationSerializer.Meta.fields, *further]


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
    server = serializers.SerializerMethodField(help_text="The DHCP server whose lease file has it.")

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


class TransactionSerializer(ChosenFields, serializers.ModelSerializer):
    kind = serializers.ChoiceField(DhcpTransaction.Kind.choices)
    ip_address = Address(allow_null=True)
    mac_address = MAC(allow_null=True)
    server = serializers.SerializerMethodField(help_text="The DHCP server whose log says so.")
    detail = serializers.CharField(
        help_text="dnsmasq's own words: the reason of a refusal, or the host name of an `ack`."
    )

    class Meta:
        model = DhcpTransaction
        fields = [
            "id",
            "at",
            "kind",
            "ip_address",
            "mac_address",
            "duid",
            "interface",
            "detail",
            "server",
        ]

    def get_server(self, row: DhcpTransaction) -> str:
        return row.server.name if row.server else DEFAULT


class EvictionSerializer(ChosenFields, serializers.ModelSerializer):
    ip_address = Address()
    mac_address = MAC()

    class Meta:
        model = Eviction
        fields = ["id", "ip_address", "mac_address", "until", "at", "who"]


# --- actions --------------------------------------------------------------------------------------


class ReserveSerializer(KnownFields):
    hostname = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        default="",
        help_text="Of the server; else the name that the machine sends.",
    )


class WhichServerSerializer(KnownFields):
    server = serializers.CharField(
        max_length=50, required=False, default=DEFAULT, help_text="The name of a server."
    )


class SyncSerializer(WhichServerSerializer):
    force = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Even if more than half of the reservations would be removed.",
    )


class OutcomeSerializer(serializers.Serializer):
    """The result of a sync. `left`: another process is syncing, or dnsmasq is slow; the worker
    continues. `held`: a rollback is not released."""

    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField(allow_blank=True)
    generation = serializers.IntegerField(allow_null=True)
    confirmed = serializers.BooleanField(allow_null=True)
    hosts = serializers.IntegerField()
    problems = OBJECTS
    changes = serializers.IntegerField()
    diff = serializers.CharField(allow_blank=True)
    duration_ms = serializers.IntegerField()


class HeartbeatSerializer(serializers.Serializer):
    """How the worker or agent has last seen dnsmasq; the times are null before the first look."""

    state = serializers.ChoiceField(DnsmasqHeartbeat.State.choices)
    since = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField(allow_blank=True)
    host = serializers.CharField(required=False, help_text="Of one node.")


class HeartbeatsSerializer(HeartbeatSerializer):
    """The worst of all nodes, and each of them."""

    host = None  # type: ignore[assignment]
    nodes = HeartbeatSerializer(many=True)


class StateSerializer(serializers.Serializer):
    """Whether a DHCP server is in step with the ledger; else why not."""

    server = serializers.CharField()
    enabled = serializers.BooleanField()
    run_by = serializers.ChoiceField(DhcpServer.RunBy.choices)
    last_seen_at = serializers.DateTimeField(allow_null=True, help_text="Of its agent.")
    in_step = serializers.BooleanField(
        help_text="Every change is applied to a connected dnsmasq, which was not seen down."
    )
    connected = serializers.BooleanField(
        help_text="Whether a dnsmasq is told of the files, or asked what it has read."
    )
    heartbeat = HeartbeatsSerializer(allow_null=True, help_text="Null for a disabled server.")
    pending = serializers.IntegerField(help_text="Changes that are not applied.")
    held_at = serializers.IntegerField(
        allow_null=True,
        help_text="The generation of a rollback; null, too, where an agent runs it.",
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
    """The verdict about a machine or an address, and the decision step by step."""

    asked = serializers.CharField()
    kind = serializers.ChoiceField(
        [
            "told",
            "live",
            "pending",
            "blocked",
            "unserved",
            "unknown",
            "leased",
            "taken",
            "answers",
            "special",
            "free",
            "no_subnet",
        ],
        help_text="Of a machine its state, or `unknown`; of an address that no machine of the "
        "ledger has, what it is.",
    )
    verdict = serializers.CharField()
    remedy = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True, help_text="The page where the remedy is done.")
    mac = MAC(allow_null=True)
    ip = serializers.CharField(allow_null=True)
    steps = StepSerializer(many=True)
    good = serializers.BooleanField(help_text="Every card is served as the ledger says.")
