"""The shapes of a machine: what a request asks for, and what is shown of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.known_fields import KnownFields
from api.resources import ChosenFields
from core.web_process import LONGEST_WAIT
from ipam.api.serializers import MAC, Address, InterfaceDetails
from ipam.models import Server, Subnet
from machines.models import Machine
from machines.wait import LEVELS
from pxe.models import BootAssignment
from registry.models import Protocol

LONGEST_TTL = 10 * 366 * 86_400  # seconds
DEFAULT_WAIT = 10.0  # seconds
MOST_PARTS = 64  # interfaces or services of one machine
FACTS = {
    "device_type",
    "manufacturer",
    "description",
    "location",
    "lan_port",
    "enabled",
    "when_disabled",
}
# No NUL, which PostgreSQL refuses, and not only spaces.
TEXT = re.compile(r"(?=.*\S)[^\0]{1,200}", re.DOTALL)
BOOT, SERVICES = "boot", "services"


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class Reference(serializers.Field):
    """The id of a row, or what it is called."""

    default_error_messages = {"invalid": _("Give an id or a text.")}

    def to_internal_value(self, data: Any) -> int | str:
        if type(data) is int and 0 < data < 10**18:  # not True
            return data
        if type(data) is str and TEXT.fullmatch(data):
            return data.strip()
        self.fail("invalid")

    def to_representation(self, value: Any) -> Any:
        return value


def _text(length: int, **options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=length, required=False, allow_blank=True, **options)


def _refuse_both(attrs: dict[str, Any], field: str, other: str, text: str) -> None:
    """Raises ValidationError for the first of two fields that exclude each other."""
    if attrs.get(field) and attrs.get(other):
        raise serializers.ValidationError({field: [text]})


class CardSerializer(KnownFields):
    """A further interface, with its address or the next free one of a subnet."""

    name = serializers.CharField(max_length=64)
    mac_address = MAC(required=False, allow_null=True)
    duid = _text(383)
    ip_address = Address(required=False, allow_null=True)
    subnet = Reference(required=False, allow_null=True, help_text="The next free address there.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _refuse_both(attrs, "subnet", "ip_address", _("Give an address or a subnet, not both."))
        return attrs


class PortSerializer(KnownFields):
    """A service of the machine: `port` is the one that it insists on; without, it gets a free one
    of its environment."""

    name = serializers.RegexField(
        r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z",
        help_text="Its id in the registry is HOSTNAME-NAME.",
    )
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False, allow_null=True)
    protocol = serializers.ChoiceField(Protocol.choices, required=False)
    type = serializers.CharField(max_length=63, required=False)
    environment = _text(63)


class LifetimeSerializer(KnownFields):
    """How long the machine stays: `ttl` seconds from now, or until `expires_at`; null: until it is
    deleted."""

    ttl = serializers.IntegerField(
        min_value=1, max_value=LONGEST_TTL, required=False, allow_null=True, help_text="Seconds."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _refuse_both(attrs, "ttl", "expires_at", _("Give ttl or expires_at, not both."))
        if attrs.get("expires_at") and attrs["expires_at"] <= timezone.now():
            raise serializers.ValidationError({"expires_at": [_("This time has passed.")]})
        return attrs


def end_of_life(asked: dict[str, Any]) -> datetime | None:
    """When a machine with these values expires."""
    if asked.get("ttl"):
        return timezone.now() + timedelta(seconds=asked["ttl"])
    return asked.get("expires_at")


class RenewSerializer(LifetimeSerializer):
    """A new end of the time to live."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"ttl": [_("Give ttl or expires_at.")]})
        return super().validate(attrs)


class NewMachineSerializer(LifetimeSerializer):
    """Everything that a machine is to have."""

    hostname = serializers.CharField(max_length=253)
    mac_address = MAC(required=False, allow_null=True)
    subnet = Reference(required=False, allow_null=True, help_text="Its id, network or name.")
    pool = Reference(
        required=False, allow_null=True, help_text="Its id or range, as in 10.0.0.10-10.0.0.99."
    )
    ip_address = Address(
        required=False, allow_null=True, help_text="This address; without, the next free one."
    )
    else_next = serializers.BooleanField(
        required=False,
        default=False,
        help_text="With `ip_address`: the next free address where that one is held.",
    )
    interfaces = serializers.ListField(
        child=CardSerializer(), required=False, max_length=MOST_PARTS
    )
    image = Reference(required=False, allow_null=True, help_text="A boot image's id or name.")
    boot = serializers.ChoiceField(
        BootAssignment.Mode.choices, required=False, help_text="How often; without, once."
    )
    services = serializers.ListField(child=PortSerializer(), required=False, max_length=MOST_PARTS)
    device_type = _text(100)
    manufacturer = _text(100)
    description = _text(255)
    location = _text(100)
    lan_port = _text(100)
    enabled = serializers.BooleanField(required=False)
    when_disabled = serializers.ChoiceField(Server.WhenDisabled.choices, required=False)
    wait = serializers.ChoiceField(
        LEVELS,
        required=False,
        allow_null=True,
        help_text="Answer when dnsmasq has confirmed the reservation (told), or when a probe or a "
        "lease has shown it (live); the answer says what was seen.",
    )
    timeout = serializers.FloatField(
        min_value=0, max_value=LONGEST_WAIT, required=False, default=DEFAULT_WAIT
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        errors = {}
        if attrs.get("boot") and not attrs.get("image"):
            errors["image"] = [_("Name the image that it boots.")]
        for field in ("interfaces", "services"):
            names = [part["name"] for part in attrs.get(field, ())]
            if len(set(names)) < len(names):
                errors[field] = [_("Each needs a name of its own.")]
        if errors:
            raise serializers.ValidationError(errors)
        return super().validate(attrs)


# --- what is shown --------------------------------------------------------------------------------


class SubnetOfMachine(serializers.ModelSerializer):
    network = serializers.CharField()

    class Meta:
        model = Subnet
        fields = ["id", "network", "name", "domain"]


class ServiceOfMachine(serializers.Serializer):
    """A service port of the machine."""

    name = serializers.CharField()
    service_id = serializers.CharField(source="service.service_id")
    environment = serializers.CharField(source="service.environment_id")
    protocol = serializers.ChoiceField(Protocol.choices, source="service.protocol")
    port = serializers.IntegerField(source="service.port", allow_null=True)


class SeenSerializer(serializers.Serializer):
    """What was seen of the machine's reservation while the request waited."""

    state = serializers.ChoiceField(["not_served", "pending", "written", "told", "live"])
    reason = serializers.CharField()
    told_after_ms = serializers.IntegerField(allow_null=True)
    live_after_ms = serializers.IntegerField(allow_null=True)
    timed_out = serializers.BooleanField()


class MachineSerializer(ChosenFields):
    """A machine. Boot and services are null for callers who may not see them."""

    id = serializers.IntegerField(read_only=True)
    server = serializers.IntegerField(source="server_id", read_only=True)
    hostname = serializers.CharField(source="server.hostname", read_only=True)
    names = serializers.SerializerMethodField()
    ip_address = Address(source="server.ip_address", read_only=True, allow_null=True)
    mac_address = MAC(source="server.mac_address", read_only=True, allow_null=True)
    vrf = serializers.IntegerField(source="server.vrf_id", read_only=True, allow_null=True)
    subnet = SubnetOfMachine(read_only=True, allow_null=True)
    interfaces = InterfaceDetails(source="server.interfaces", many=True, read_only=True)
    image = serializers.SerializerMethodField()
    boot = serializers.SerializerMethodField()
    boot_state = serializers.SerializerMethodField()
    services = serializers.SerializerMethodField()
    device_type = serializers.CharField(source="server.device_type", read_only=True)
    manufacturer = serializers.CharField(source="server.manufacturer", read_only=True)
    description = serializers.CharField(source="server.description", read_only=True)
    location = serializers.CharField(source="server.location", read_only=True)
    lan_port = serializers.CharField(source="server.lan_port", read_only=True)
    enabled = serializers.BooleanField(source="server.enabled", read_only=True)
    when_disabled = serializers.CharField(source="server.when_disabled", read_only=True)
    expires_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)

    def get_names(self, machine: Machine) -> list[str]:
        """Its host name, and with the domain of its subnet."""
        hostname, domain = machine.server.hostname, getattr(machine.subnet, "domain", "")
        if not domain or "." in hostname:
            return [hostname]
        return [hostname, f"{hostname}.{domain}"]

    @extend_schema_field({"type": ["string", "null"]})
    def get_image(self, machine: Machine) -> str | None:
        return self._boot_facts(machine)["image"]

    @extend_schema_field({"type": ["string", "null"], "enum": ["once", "always", None]})
    def get_boot(self, machine: Machine) -> str | None:
        return self._boot_facts(machine)["mode"]

    @extend_schema_field({"type": ["string", "null"]})
    def get_boot_state(self, machine: Machine) -> str | None:
        return self._boot_facts(machine)["state"]

    @extend_schema_field(ServiceOfMachine(many=True, allow_null=True))
    def get_services(self, machine: Machine) -> Any:
        if SERVICES not in self.context["parts"]:
            return None
        return ServiceOfMachine(machine.service_rows.all(), many=True).data

    def _boot_facts(self, machine: Machine) -> dict[str, str | None]:
        """The newest boot assignment; all null for callers who may not see it."""
        rows = sorted(machine.server.boot_assignments.all(), key=attrgetter("pk"))
        if BOOT not in self.context["parts"] or not rows:
            return dict.fromkeys(("image", "mode", "state"))
        newest = rows[-1]
        name = getattr(newest.image, "name", None)  # none: the local disk
        return {"image": name, "mode": newest.mode, "state": newest.state}
