"""The registry's words as JSON: the seed's names outside, the model's inside. Shapes only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from ipam import addresses
from registry import models
from registry.models import Protocol, Service
from registry.order import StartOrder
from registry.records import ServiceRecord
from registry.register import Registered, Wish

MOST_DEPENDENCIES = 200


class PortField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=65535, **kwargs)


class RangeField(serializers.ListField):
    """`[8000, 8099]`, from the first port to the last."""

    child = PortField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=2, max_length=2, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        first, last = super().to_internal_value(data)
        if first > last:
            raise serializers.ValidationError(f"[{first}, {last}] does not run upwards.")
        return first, last


class HostField(serializers.CharField):
    """The address that the service listens on; `localhost` is the environment's own."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if text == "localhost":
            return None
        try:
            return addresses.parse_address(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class ServiceIdField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, validators=[models.service_id_shape], **kwargs)


class EnvironmentField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        told = {"help_text": "Empty: IPMANAGER_ENVIRONMENT.", **kwargs}
        super().__init__(max_length=63, required=False, default="", allow_blank=True, **told)


class NamedSerializer(serializers.Serializer):
    service_id = ServiceIdField()
    environment = EnvironmentField()


class RegisterSerializer(serializers.Serializer):
    service_id = ServiceIdField()
    service_name = serializers.CharField(max_length=200, validators=[models.text_shape])
    service_type = serializers.CharField(
        max_length=63, required=False, allow_null=True, validators=[models.type_shape], help_text="generic"
    )
    environment = EnvironmentField()
    host = HostField(required=False, allow_null=True)
    protocol = serializers.ChoiceField(Protocol.choices, required=False, allow_null=True)
    preferred_port = PortField(required=False, allow_null=True)
    port_range = RangeField(required=False, allow_null=True)
    pinned = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="For services with a fixed port: the preferred one or none, for ever.",
    )
    container_port = PortField(required=False, allow_null=True)
    dependencies = serializers.ListField(
        child=ServiceIdField(), required=False, allow_null=True, max_length=MOST_DEPENDENCIES
    )
    restart_script = serializers.CharField(
        max_length=4096, required=False, allow_null=True, help_text="The key of a restart action, never a command."
    )
    additional_info = serializers.DictField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("pinned") and not attrs.get("preferred_port"):
            raise serializers.ValidationError({"preferred_port": "A pinned service names its port."})
        return attrs

    def to_internal_value(self, data: Any) -> Any:
        asked = super().to_internal_value(data)
        if asked.get("dependencies") is not None:
            asked["dependencies"] = tuple(asked["dependencies"])
        return asked

    @staticmethod
    def wish(asked: dict[str, Any]) -> Wish:
        rest = {name: value for name, value in asked.items() if name not in ("service_name", "service_type")}
        return Wish(name=asked["service_name"], type=asked.get("service_type"), **rest)


class ServiceSerializer(serializers.Serializer):
    """A service with the seed's fields; `ip` is `ip_address` under the name that older callers know."""

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
    """A service as its registration left it; `status` tells what that was, `service_status` the service's own."""

    status = serializers.ChoiceField(["registered", "already_registered"])
    message = serializers.CharField()
    service_status = serializers.CharField()
    changed = serializers.ListField(child=serializers.CharField(), help_text="What a known service said anew.")
    heartbeat_timeout = serializers.IntegerField()
    heartbeat_interval = serializers.FloatField(help_text="Seconds until the first heartbeat.")


class DoneSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    message = serializers.CharField()


class BeatSerializer(DoneSerializer):
    interval = serializers.FloatField(help_text="Seconds until the next heartbeat.")


class NeededSerializer(serializers.Serializer):
    """A service that another one needs."""

    service_id = serializers.CharField()
    endpoint = serializers.CharField()
    status = serializers.CharField()


class EndpointSerializer(serializers.Serializer):
    endpoint = serializers.CharField(allow_null=True)
    exists = serializers.BooleanField()
    status = serializers.CharField(required=False)
    dependencies = NeededSerializer(many=True, required=False, help_text="In the order in which they start.")
    missing = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Needed ids that nobody has registered."
    )


class PeerSerializer(serializers.Serializer):
    """A service as others need to know it."""

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
    services = PeerSerializer(many=True, allow_null=True, help_text="null when nothing has changed.")


class WhereQuery(serializers.Serializer):
    environment = EnvironmentField()


class EndpointQuery(WhereQuery):
    strict = serializers.BooleanField(required=False, default=False)
    dependencies = serializers.BooleanField(required=False, default=False)


class ChangesQuery(WhereQuery):
    since = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    wait = serializers.FloatField(min_value=0, max_value=300, required=False, default=0, help_text="Seconds.")


class ExportQuery(WhereQuery):
    domain = serializers.CharField(
        max_length=120, required=False, default="", allow_blank=True, help_text="Of the names: ENVIRONMENT.internal."
    )


class ServicesQuery(WhereQuery):
    service_type = serializers.CharField(max_length=63, required=False, default="")
    status = serializers.ChoiceField(Service.Status.choices, required=False, default="")


def start_order(order: StartOrder) -> dict[str, Any]:
    """What a service needs, without itself."""
    return {
        "dependencies": NeededSerializer(order.services[:-1], many=True).data,
        "missing": list(order.missing),
    }


def peers(records: Iterable[ServiceRecord]) -> Any:
    return PeerSerializer(records, many=True).data


def checked(shape: type[serializers.Serializer], request: Request) -> Any:
    """What the body says, in shape."""
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def query(shape: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """What the address says; names it does not know are refused."""
    asked = shape(data=request.query_params)
    unknown = sorted(set(request.query_params) - set(asked.fields))
    if unknown:
        known = ", ".join(asked.fields)
        raise serializers.ValidationError(
            {name[:60]: [f"There is no such filter. Known are: {known}."] for name in unknown[:10]}
        )
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def registered(done: Registered, message: str, **more: Any) -> dict[str, Any]:
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
