"""The JSON of the registry, with the field names of the original. Shapes only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from api.known_fields import KnownFields, unknown_fields
from ipam import addresses
from registry import models, rules
from registry.discovery.start_order import StartOrder
from registry.models import Protocol, RegistryConfig, RestartRequest, Service
from registry.records import ServiceRecord
from registry.services.register import Registered
from registry.services.registration import Registration

MOST_DEPENDENCIES = 200
MOST_BEATS = 10_000
MOST_TYPES = 500


class PortField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=65535, **kwargs)


class RangeField(serializers.ListField):
    """`[8000, 8099]`, from the first port to the last."""

    child = PortField()

    def to_internal_value(self, data: Any) -> Any:
        ports = super().to_internal_value(data)
        if len(ports) != 2 or ports[0] > ports[1]:
            raise serializers.ValidationError(_("A port range is [first, last] and runs upwards."))
        return tuple(ports)


@extend_schema_field({"type": "string", "format": "ip", "examples": ["10.0.0.5"]})
class AddressField(serializers.CharField):
    """An IPv4 or IPv6 address."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return addresses.parse_address(super().to_internal_value(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class HostField(AddressField):
    """The address that the service listens on; `localhost` stands for the environment's address."""

    def to_internal_value(self, data: Any) -> Any:
        if data == "localhost":
            return None
        return super().to_internal_value(data)


class ServiceIdField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, validators=[models.service_id_shape], **kwargs)


class EnvironmentField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        options = {"help_text": "Empty: IPMANAGER_ENVIRONMENT.", **kwargs}
        super().__init__(max_length=63, required=False, default="", allow_blank=True, **options)


def check_storable(value: Any) -> None:
    """PostgreSQL cannot store NUL or half of a surrogate pair in JSON. Raises ValidationError."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text.replace("\\\\", "") or not _is_unicode(text):
        raise serializers.ValidationError(
            _("Contains a character that the database cannot store: NUL or half a surrogate pair.")
        )


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


class NamedSerializer(serializers.Serializer):
    service_id = ServiceIdField()
    environment = EnvironmentField()


class HeartbeatSerializer(serializers.Serializer):
    """The heartbeat of one service (`service_id`) or of many (`service_ids`)."""

    service_id = ServiceIdField(required=False)
    service_ids = serializers.ListField(
        child=ServiceIdField(), required=False, min_length=1, max_length=MOST_BEATS
    )
    environment = EnvironmentField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        single = attrs.pop("service_id", None)
        if (single is None) == ("service_ids" not in attrs):
            raise serializers.ValidationError(
                {"service_id": _("Send one service here, or many in service_ids.")}
            )
        return {"service_ids": [single], **attrs}


class RegisterSerializer(serializers.Serializer):
    service_id = ServiceIdField()
    service_name = serializers.CharField(max_length=200, validators=[models.text_shape])
    service_type = serializers.CharField(
        max_length=63,
        required=False,
        allow_null=True,
        validators=[models.type_shape],
        help_text="generic",
    )
    environment = EnvironmentField()
    host = HostField(required=False, allow_null=True)
    protocol = serializers.ChoiceField(Protocol.choices, required=False, allow_null=True)
    preferred_port = PortField(required=False, allow_null=True)
    port_range = RangeField(required=False, allow_null=True)
    pinned = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="The service insists on its preferred port, for ever.",
    )
    container_port = PortField(required=False, allow_null=True)
    dependencies = serializers.ListField(
        child=ServiceIdField(), required=False, allow_null=True, max_length=MOST_DEPENDENCIES
    )
    restart_script = serializers.CharField(
        max_length=4096,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="The key of a restart action, never a command.",
    )
    additional_info = serializers.DictField(
        required=False, allow_null=True, validators=[check_storable]
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("pinned") and not attrs.get("preferred_port"):
            raise serializers.ValidationError(
                {"preferred_port": _("A pinned service must send its port.")}
            )
        return attrs

    def to_internal_value(self, data: Any) -> Any:
        asked = super().to_internal_value(data)
        if asked.get("dependencies") is not None:
            asked["dependencies"] = tuple(asked["dependencies"])
        return asked

    @staticmethod
    def registration(validated: dict[str, Any]) -> Registration:
        """The registration of a validated body."""
        values = dict(validated)
        name, kind = values.pop("service_name"), values.pop("service_type", None)
        return Registration(name=name, type=kind, **values)


class IgnoredField(serializers.DictField):
    """The fields of the request that are unknown, and the nearest known ones; absent if none is."""

    def __init__(self) -> None:
        super().__init__(child=serializers.ListField(child=serializers.CharField()), required=False)


class ServiceSerializer(serializers.Serializer):
    """A service. `ip` repeats `ip_address` under the name that callers of the original know."""

    service_id = serializers.CharField()
    service_name = serializers.CharField(source="name")
    service_type = serializers.CharField(source="type")
    ip = serializers.IPAddressField(source="ip_address", allow_null=True)
    ip_address = serializers.IPAddressField(allow_null=True)
    port = serializers.IntegerField(allow_null=True)
    protocol = serializers.CharField()
    container_port = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(["active", "inactive", "restarting"])
    preferred_port = serializers.IntegerField(allow_null=True)
    port_range = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    pinned = serializers.BooleanField()
    last_heartbeat = serializers.DateTimeField()
    restart_script = serializers.CharField(source="restart_script_id", allow_null=True)
    environment = serializers.CharField(source="environment_id")
    dependencies = serializers.ListField(child=serializers.CharField())
    additional_info = serializers.DictField()


class RegisteredSerializer(ServiceSerializer):
    """A service after its registration. `status` is the result of the registration,
    `service_status` the status of the service."""

    status = serializers.ChoiceField(["registered", "already_registered"])
    message = serializers.CharField()
    service_status = serializers.CharField()
    changed = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of a known service that have a new value."
    )
    heartbeat_timeout = serializers.IntegerField()
    heartbeat_interval = serializers.FloatField(help_text="Seconds until the first heartbeat.")
    ignored = IgnoredField()


class RefusedSerializer(serializers.Serializer):
    """A failed registration, in the shape of the original."""

    ip = serializers.CharField(help_text="0.0.0.0")
    port = serializers.IntegerField(help_text="0")
    status = serializers.CharField(help_text="error")
    message = serializers.CharField()
    detail = serializers.CharField()
    hint = serializers.CharField(required=False)


class MissingSerializer(serializers.Serializer):
    """There is no such service, in the words of the original."""

    detail = serializers.CharField()


class DoneSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    message = serializers.CharField()
    ignored = IgnoredField()


class BeatSerializer(DoneSerializer):
    interval = serializers.FloatField(help_text="Seconds until the next heartbeat.")
    unknown = serializers.ListField(child=serializers.CharField())


class NeededSerializer(serializers.Serializer):
    """A service that another one needs."""

    service_id = serializers.CharField()
    endpoint = serializers.CharField()
    status = serializers.CharField()


class EndpointSerializer(serializers.Serializer):
    endpoint = serializers.CharField(allow_null=True)
    exists = serializers.BooleanField()
    status = serializers.CharField(required=False)
    dependencies = NeededSerializer(
        many=True, required=False, help_text="In the order in which they start."
    )
    missing = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Needed ids that nobody has registered.",
    )


class PeerSerializer(serializers.Serializer):
    """A service as other services need to know it."""

    service_id = serializers.CharField()
    service_name = serializers.CharField(source="name")
    service_type = serializers.CharField(source="type")
    ip_address = serializers.IPAddressField(source="ip")
    port = serializers.IntegerField()
    protocol = serializers.CharField()
    container_port = serializers.IntegerField(allow_null=True)
    status = serializers.CharField()
    endpoint = serializers.CharField()
    dependencies = serializers.ListField(child=serializers.CharField())


class ChangesSerializer(serializers.Serializer):
    cursor = serializers.CharField(help_text="Send it as `since` next time.")
    changed = serializers.BooleanField()
    services = PeerSerializer(
        many=True, allow_null=True, help_text="null when nothing has changed."
    )


class SimulationSerializer(KnownFields):
    latency_ms = serializers.IntegerField(min_value=0, max_value=10_000, required=False, default=0)
    error_percent = serializers.IntegerField(min_value=0, max_value=100, required=False, default=0)


class ConfigSerializer(serializers.Serializer):
    """The settings of an environment, with the names of the original."""

    environment = serializers.CharField()
    mode = serializers.ChoiceField(RegistryConfig.Mode.choices)
    service_ip_base = serializers.IPAddressField()
    subnet = serializers.SerializerMethodField(
        help_text="In the ledger: each service gets its own address."
    )
    default_port_range = serializers.ListField(child=serializers.IntegerField())
    reserved_ports = serializers.ListField(child=serializers.IntegerField())
    service_type_ranges = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField())
    )
    heartbeat_timeout = serializers.IntegerField(help_text="Seconds.")
    grace_period = serializers.IntegerField(
        help_text="Seconds that an inactive service keeps its port."
    )
    conflict_resolution_strategy = serializers.ChoiceField(RegistryConfig.Strategy.choices)
    fallback = serializers.BooleanField()
    burst = serializers.IntegerField(
        help_text="Usual number of registrations per minute from one address."
    )
    simulations = serializers.SerializerMethodField(
        help_text="By service id, * for all; in test environments."
    )

    def get_subnet(self, config: RegistryConfig) -> str | None:
        return str(config.subnet.network) if config.subnet else None

    @extend_schema_field(serializers.DictField(child=SimulationSerializer()))
    def get_simulations(self, config: RegistryConfig) -> dict[str, Any]:
        return {
            row.service_id or "*": SimulationSerializer(row).data
            for row in config.simulations.all()
        }


class ChangeConfigSerializer(KnownFields):
    """The settings to change."""

    environment = EnvironmentField()
    mode = serializers.ChoiceField(RegistryConfig.Mode.choices, required=False)
    service_ip_base = AddressField(required=False)
    default_port_range = RangeField(required=False)
    reserved_ports = serializers.ListField(
        child=PortField(), required=False, max_length=rules.MOST_RESERVED
    )
    service_type_ranges = serializers.DictField(child=RangeField(), required=False)
    heartbeat_timeout = serializers.IntegerField(min_value=1, max_value=86_400, required=False)
    grace_period = serializers.IntegerField(min_value=0, max_value=604_800, required=False)
    conflict_resolution_strategy = serializers.ChoiceField(
        RegistryConfig.Strategy.choices, required=False
    )
    fallback = serializers.BooleanField(required=False)
    burst = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    simulations = serializers.DictField(child=SimulationSerializer(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for field in ("service_type_ranges", "simulations"):
            if len(attrs.get(field) or ()) > MOST_TYPES:
                raise serializers.ValidationError({field: _("Enter at most %d.") % MOST_TYPES})
        return attrs


class CleanupSerializer(KnownFields):
    environment = EnvironmentField()
    timeout_minutes = serializers.IntegerField(
        min_value=0, max_value=525_600, required=False, default=30
    )


class CleanedSerializer(serializers.Serializer):
    cleaned_services_count = serializers.IntegerField()


class RestartSerializer(serializers.Serializer):
    """A restart request and its result."""

    id = serializers.IntegerField()
    service_id = serializers.CharField(source="service.service_id")
    environment = serializers.CharField(source="service.environment_id")
    restart_script = serializers.CharField(source="action_id")
    argv = serializers.ListField(
        source="action.argv",
        child=serializers.CharField(),
        help_text="What the host's own list must say, if not empty.",
    )
    status = serializers.ChoiceField(RestartRequest.Status.choices)
    requested_by = serializers.CharField()
    approved_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    agent = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)
    exit_status = serializers.IntegerField(allow_null=True)
    output = serializers.CharField()


class AskRestartSerializer(KnownFields, NamedSerializer):
    restart_script = serializers.CharField(
        max_length=4096,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="The service's own key, or nothing.",
    )


class AgentSerializer(KnownFields):
    """An agent and its services."""

    agent = serializers.CharField(max_length=150, validators=[models.text_shape])
    service_ids = serializers.ListField(child=ServiceIdField(), min_length=1, max_length=1000)
    environment = EnvironmentField()


class ReportSerializer(KnownFields):
    id = serializers.IntegerField(min_value=1, max_value=2**62)
    agent = serializers.CharField(max_length=150)
    result = serializers.ChoiceField(["done", "failed", "refused"])
    exit_status = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=-(2**31), max_value=2**31 - 1
    )
    output = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=100_000, trim_whitespace=False
    )


class WhereQuery(serializers.Serializer):
    environment = EnvironmentField()


class EndpointQuery(WhereQuery):
    strict = serializers.BooleanField(required=False, default=False)
    dependencies = serializers.BooleanField(required=False, default=False)


class NoQuery(serializers.Serializer):
    pass


class TemplateSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    config = serializers.DictField(
        help_text="For PUT /api/v1/ipmanager/config, with the environment's name."
    )
    exports = serializers.ListField(child=serializers.CharField())


class ChangesQuery(WhereQuery):
    since = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    wait = serializers.FloatField(
        min_value=0, max_value=300, required=False, default=0, help_text="Seconds."
    )


class ExportQuery(WhereQuery):
    domain = serializers.CharField(
        max_length=120,
        required=False,
        default="",
        allow_blank=True,
        help_text="Of the names: ENVIRONMENT.internal.",
    )


class RestartsQuery(WhereQuery):
    service_id = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class ServicesQuery(WhereQuery):
    service_type = serializers.CharField(
        max_length=63, required=False, default="", allow_blank=True
    )
    status = serializers.ChoiceField(
        Service.Status.choices, required=False, default="", allow_blank=True
    )


def start_order(order: StartOrder) -> dict[str, Any]:
    """The services that a service needs, without itself."""
    return {
        "dependencies": NeededSerializer(order.services[:-1], many=True).data,
        "missing": list(order.missing),
    }


def peers(records: Iterable[ServiceRecord]) -> Any:
    """The services as other services need to know them."""
    return PeerSerializer(records, many=True).data


def validated_body(shape: type[serializers.Serializer], request: Request) -> Any:
    """The request body, validated."""
    return _validated(shape(data=request.data))


def validated_body_and_query(shape: type[serializers.Serializer], request: Request) -> Any:
    """The query parameters and the request body together, validated. The body takes precedence."""
    values = request.query_params.dict()
    if isinstance(request.data, dict):
        values |= request.data
    return _validated(shape(data=values))


def validated_query(shape: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The query parameters, validated. Unknown ones are refused."""
    serializer = shape(data=request.query_params)
    unknown = sorted(set(request.query_params) - set(serializer.fields))
    if unknown:
        known = ", ".join(serializer.fields)
        raise _unknown(unknown, _("There is no such filter. Known are: %s.") % known)
    return _validated(serializer)


def ignored_fields(shape: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """What a response says of unknown fields of its request: nothing if there are none."""
    ignored = unknown_fields(request.data, shape().fields)
    return {"ignored": ignored} if ignored else {}


def _unknown(names: list[Any], reason: str) -> serializers.ValidationError:
    """The error for unknown names: the first ten of them, shortened."""
    return serializers.ValidationError({str(name)[:60]: [reason] for name in names[:10]})


def _validated(serializer: serializers.Serializer) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def registered(done: Registered, message: str, **more: Any) -> dict[str, Any]:
    """The response to a registration."""
    row = ServiceSerializer(done.service).data
    return {
        **row,
        "status": "already_registered" if done.again else "registered",
        "service_status": row["status"],
        "message": message,
        "changed": list(done.changed),
        "heartbeat_timeout": done.service.environment.heartbeat_timeout,
        **more,
    }
