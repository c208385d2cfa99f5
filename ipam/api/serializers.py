"""Serializers of the ledger's rows. Shapes only: all rules are in the models' `save()`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from api.confinement import LocatedRow, RowKey
from api.known_fields import TIMES, KnownFields
from api.parsers import MAX_ROWS
from api.resources import ChosenFields
from ipam import addresses
from ipam.api import address_json
from ipam.fields import AddressField, AddressListField, MACField, NetworkField
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Sighting, Subnet
from ipam.usage.ranking import FIGURES

MAX_POOLS = 1000  # of one subnet
POOL_LISTS = ("static_ip_pools", "dhcp_pools")


class ParsedField(serializers.CharField):
    """A text that a function of `ipam.addresses` parses."""

    parse: Callable[[Any], Any]

    def to_internal_value(self, data: Any) -> Any:
        try:
            return type(self).parse(super().to_internal_value(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


@extend_schema_field({"type": "string", "format": "ip", "examples": ["10.0.0.5", "2001:db8::5"]})
class Address(ParsedField):
    parse = staticmethod(addresses.parse_address)


@extend_schema_field(
    {"type": "string", "format": "cidr", "examples": ["10.0.0.0/24", "2001:db8::/64"]}
)
class Network(ParsedField):
    parse = staticmethod(addresses.parse_network)


@extend_schema_field({"type": "string", "format": "mac", "examples": ["02:00:00:00:00:0a"]})
class MAC(ParsedField):
    parse = staticmethod(addresses.parse_mac)


@extend_schema_field({"type": "string", "format": "ip-range", "examples": ["10.0.0.10-10.0.0.99"]})
class PoolString(ParsedField):
    """`192.168.1.1-192.168.1.50`, or one address."""

    @staticmethod
    def parse(text: str) -> str:
        addresses.parse_range(text)
        return text


class Addresses(serializers.ListField):
    child = Address()


class Ledger(LocatedRow, KnownFields, ChosenFields, serializers.ModelSerializer):
    """A row whose uniqueness only the model checks: under the ledger's lock, and naming the
    holder."""

    serializer_related_field = RowKey

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        AddressField: Address,
        NetworkField: Network,
        MACField: MAC,
        AddressListField: Addresses,
    }

    def build_standard_field(
        self, field_name: str, model_field: models.Field
    ) -> tuple[Any, dict[str, Any]]:
        kind, options = super().build_standard_field(field_name, model_field)
        return kind, _without_unique(options)

    def build_relational_field(
        self, field_name: str, relation_info: Any
    ) -> tuple[Any, dict[str, Any]]:
        kind, options = super().build_relational_field(field_name, relation_info)
        return kind, _without_unique(options)

    def get_uniqueness_extra_kwargs(
        self, field_names: Any, declared_fields: Any, extra_kwargs: Any
    ) -> Any:
        return extra_kwargs, {}

    def get_validators(self) -> list[Any]:
        return []


def _without_unique(options: dict[str, Any]) -> dict[str, Any]:
    validators = options.pop("validators", None) or ()
    others = [check for check in validators if not isinstance(check, UniqueValidator)]
    if others:
        options["validators"] = others
    return options


def figure(source: str, help_text: str) -> serializers.IntegerField:
    """A number of the row's `measured` usage."""
    return serializers.IntegerField(
        source=f"measured.{source}", read_only=True, help_text=help_text
    )


class Percentage(serializers.FloatField):
    def to_representation(self, value: Any) -> Any:
        return round(value, 2)


def percentage(source: str, help_text: str) -> Percentage:
    """A percentage of the row's `measured` usage."""
    return Percentage(source=f"measured.{source}", read_only=True, help_text=help_text)


class VRFSerializer(Ledger):
    class Meta:
        model = VRF
        fields = ["id", "name", "rd", "description", "created_at", "updated_at"]


class SubnetSerializer(Ledger):
    static_ip_pools = serializers.ListField(
        child=PoolString(), required=False, max_length=MAX_POOLS
    )
    dhcp_pools = serializers.ListField(child=PoolString(), required=False, max_length=MAX_POOLS)

    class Meta:
        model = Subnet
        located_by = ["network"]
        fields = [
            "id",
            "vrf",
            "network",
            "name",
            "description",
            "gateway",
            "vlan_id",
            "dns_servers",
            "domain",
            "site",
            "static_ip_pools",
            "dhcp_pools",
            "created_at",
            "updated_at",
        ]

    def save(self, **kwargs: Any) -> Subnet:
        """Errors of a pool are reported for the list that names it."""
        try:
            return super().save(**kwargs)
        except ValidationError as error:
            lists = [name for name in POOL_LISTS if name in self.validated_data]
            if not lists or {"first", "last"}.isdisjoint(getattr(error, "error_dict", ())):
                raise
            errors = list(itertools.chain.from_iterable(error.error_dict.values()))
            raise ValidationError({lists[0]: errors}) from error


class MeasuredSubnetSerializer(SubnetSerializer):
    """A subnet with its usage, the subnets inside it included."""

    static_total = figure("static.total", "Addresses that IPManager can allocate.")
    static_used = figure("static.used", "Of these, allocated, reserved or leased.")
    static_free = figure("static.free", "Of these, free.")
    static_percent = percentage("static.percent", "Used static addresses, 0 to 100.")
    dhcp_total = figure("dhcp.total", "Addresses that dnsmasq can hand out.")
    dhcp_used = figure("dhcp.used", "Of these, leased or reserved.")
    dhcp_free = figure("dhcp.free", "Of these, free.")
    dhcp_percent = percentage("dhcp.percent", "Used DHCP addresses, 0 to 100.")

    outdated = TIMES.union(FIGURES[Subnet])

    class Meta(SubnetSerializer.Meta):
        fields = [*SubnetSerializer.Meta.fields, *FIGURES[Subnet]]


class PoolSerializer(Ledger):
    size = serializers.IntegerField(read_only=True)

    class Meta:
        model = Pool
        located_by = ["subnet", "first", "last"]
        fields = ["id", "subnet", "first", "last", "kind", "size", "created_at", "updated_at"]


class MeasuredPoolSerializer(PoolSerializer):
    """A pool with its usage."""

    total = figure("total", "Addresses that the pool can hand out.")
    used = figure("used", "Of these, allocated, reserved or leased.")
    free = figure("free", "Of these, free.")
    percent = percentage("percent", "Used addresses, 0 to 100.")

    outdated = TIMES.union(FIGURES[Pool])

    class Meta(PoolSerializer.Meta):
        fields = [*PoolSerializer.Meta.fields, *FIGURES[Pool]]


class InterfaceSerializer(Ledger):
    class Meta:
        model = Interface
        located_by = ["server", "ip_address"]
        fields = [
            "id",
            "server",
            "name",
            "mac_address",
            "duid",
            "ip_address",
            "created_at",
            "updated_at",
        ]


class InterfaceDetails(Ledger):
    class Meta:
        model = Interface
        fields = ["id", "name", "mac_address", "duid", "ip_address"]


class ServerSerializer(Ledger):
    interfaces = InterfaceDetails(many=True, read_only=True)

    class Meta:
        model = Server
        located_by = ["ip_address"]
        fields = [
            "id",
            "vrf",
            "hostname",
            "ip_address",
            "mac_address",
            "device_type",
            "manufacturer",
            "description",
            "location",
            "lan_port",
            "enabled",
            "when_disabled",
            "interfaces",
            "created_at",
            "updated_at",
        ]


class SubnetDetails(Ledger):
    class Meta:
        model = Subnet
        fields = ["id", "network", "name", "gateway", "vlan_id", "site"]


class ServerDetails(Ledger):
    class Meta:
        model = Server
        fields = [
            "id",
            "hostname",
            "ip_address",
            "mac_address",
            "device_type",
            "manufacturer",
            "location",
        ]


class IPAddressSerializer(Ledger):
    """An address row. Servers and the actions decide who holds it; those fields are read-only."""

    subnet_name = serializers.CharField(
        source="subnet.name", read_only=True, default=None, allow_null=True
    )
    server_name = serializers.CharField(
        source="server.hostname", read_only=True, default=None, allow_null=True
    )
    subnet_details = SubnetDetails(source="subnet", read_only=True, allow_null=True)
    server_details = ServerDetails(source="server", read_only=True, allow_null=True)

    class Meta:
        model = IPAddress
        located_by = ["ip_address"]
        fields = [
            "id",
            "vrf",
            "ip_address",
            "subnet",
            "subnet_name",
            "subnet_details",
            "status",
            "ip_type",
            "active",
            "server",
            "server_name",
            "server_details",
            "hostname",
            "mac_address",
            "platform",
            "manufacturer",
            "description",
            "vm_id",
            "freed_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["subnet", "ip_type", "server", "freed_at"]

    def to_representation(self, instance: IPAddress) -> dict[str, Any]:
        whole = address_json.of(instance)
        request = self.context.get("request")
        if request is None or "fields" not in request.GET:
            return whole
        return {name: whole[name] for name in dict(self.fields)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to change what an existing row keeps."""
        if self.instance is None:
            return attrs
        for name, remedy in UNCHANGEABLE.items():
            if name in attrs and attrs[name] != getattr(self.instance, name):
                raise serializers.ValidationError({name: [_(remedy)]})
        return attrs


UNCHANGEABLE = {
    "vrf": gettext_noop("The VRF cannot change; make a row in the other VRF."),
    "ip_address": gettext_noop("The address cannot change; make a row for the other address."),
    "status": gettext_noop("Change the status by POST to reserve/, release/ or quarantine/."),
}


class SightingSerializer(ChosenFields, serializers.ModelSerializer):
    """Evidence that an address is in use, recorded by the worker."""

    ip_address = Address()
    mac_address = MAC(allow_null=True)

    class Meta:
        model = Sighting
        fields = [
            "id",
            "vrf",
            "ip_address",
            "mac_address",
            "source",
            "first_seen_at",
            "seen_at",
            "leased_until",
            "hostname",
            "duid",
            "origin",
        ]


class AllocateSerializer(KnownFields):
    """Which address a caller wants, and for what."""

    vm_id = serializers.CharField(
        max_length=255, required=False, allow_null=True, help_text="Makes a repeat harmless."
    )
    hostname = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
    mac_address = MAC(required=False, allow_null=True)
    wanted = Address(required=False, allow_null=True, help_text="Only this address.")
    else_next = serializers.BooleanField(
        required=False,
        default=False,
        help_text="With `wanted`: the next free address where that one is held.",
    )
    not_before = Address(
        required=False, allow_null=True, help_text="Only this address and higher ones."
    )
    pool = RowKey(
        queryset=Pool.objects.all(),
        required=False,
        allow_null=True,
        help_text="Only from this pool of the subnet.",
    )


class WhereSerializer(serializers.Serializer):
    """Where to look for a free address."""

    pool = RowKey(queryset=Pool.objects.all(), required=False)
    not_before = Address(required=False)


class FreeChildSerializer(serializers.Serializer):
    """A subnet inside that has free addresses."""

    id = serializers.IntegerField()
    network = Network()
    name = serializers.CharField()
    free = serializers.IntegerField()


class NextFreeSerializer(serializers.Serializer):
    """The address that would be allocated now; null when there is none. Then `children` are the
    subnets directly inside that have free addresses."""

    ip_address = Address(allow_null=True)
    children = FreeChildSerializer(many=True, required=False)


class LengthSerializer(KnownFields):
    length = serializers.IntegerField(min_value=1, max_value=128, help_text="Prefix length, as 26.")


class NewSubnetSerializer(LengthSerializer):
    """The name and other values of the next free subnet."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    description = serializers.CharField(max_length=255, required=False, allow_blank=True)
    site = serializers.CharField(max_length=100, required=False, allow_blank=True)
    vlan_id = serializers.IntegerField(min_value=1, max_value=4094, required=False, allow_null=True)


class FreeNetworkSerializer(serializers.Serializer):
    network = Network()


class ReasonSerializer(KnownFields):
    """Why an address is reserved or quarantined."""

    description = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )


class StatusesSerializer(ReasonSerializer):
    """Addresses and their new status."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18),
        min_length=1,
        max_length=MAX_ROWS,
    )
    status = serializers.ChoiceField(["reserved", "available", "quarantine"])
