"""The ledger's model fields: addresses, networks and MAC addresses that sort and compare alike on
both databases.

PostgreSQL has the types: inet, cidr, macaddr. SQLite stores sortable bytes, family (4 or 6), 16
bytes, and for a network its prefix length; MACs are canonical text. A CHECK on every column refuses
from raw SQL what the Python side refuses: host bits, mask lengths, IPv4-mapped addresses, group
MACs, text in a byte column."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from django import forms
from django.core import exceptions
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from ipam import addresses
from ipam.addresses import Address, Network


class ValueFormField(forms.CharField):
    """One line of text whose first value is an object: what prints alike has not been changed."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        if initial is not None:
            initial = str(initial)
        return super().has_changed(initial, data)


class ValueField(models.Field):
    """A column whose Python value is parsed by one function and printed by `str`."""

    parse: Callable[[Any], Any]
    postgresql_type: str
    sqlite_type: str

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor == "postgresql":
            return self.postgresql_type
        return self.sqlite_type

    def get_internal_type(self) -> str:
        """A kind that Django knows: of those, PostgreSQL is sent many rows as arrays, which is far
        faster."""
        return "CharField"

    def to_python(self, value: Any) -> Any:
        if value is None or value == "":
            return None
        try:
            return type(self).parse(value)
        except ValueError as error:
            raise exceptions.ValidationError(str(error), code="invalid") from error

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        if value is None:
            return ""
        return str(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{"form_class": ValueFormField, "empty_value": None, "max_length": 64, **kwargs}
        )


def pack(address: Address) -> bytes:
    """17 sortable bytes: family, then the address in 16 bytes, IPv4 in the last four."""
    return bytes([address.version]) + address.packed.rjust(16, b"\0")


def unpack(data: bytes) -> Address:
    """The address of 17 packed bytes."""
    if data[0] == 4:
        return ipaddress.IPv4Address(data[13:17])
    return ipaddress.IPv6Address(data[1:17])


def pack_network(network: Network) -> bytes:
    """18 sortable bytes: the network's address, then its prefix length; a parent sorts before its
    children."""
    return pack(network.network_address) + bytes([network.prefixlen])


def unpack_network(data: bytes) -> Network:
    """The network of 18 packed bytes."""
    return ipaddress.ip_network((unpack(data[:17]), data[17]))


class PackedField(ValueField):
    """A column that is text to PostgreSQL, and sortable bytes on SQLite."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]
    of_text: Callable[[str], Any]

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None:
            return None
        if connection.vendor == "postgresql":
            return str(value)
        return self.pack(value)

    def from_db_value(self, value: Any, *args: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, bytes):
            return self.unpack(value)
        return self.of_text(value)


class AddressField(PackedField):
    """A host address: `ipaddress.IPv4Address` or `IPv6Address`."""

    description = _("IP address")
    parse = staticmethod(addresses.parse_address)
    postgresql_type = "inet"
    sqlite_type = "blob"
    pack = staticmethod(pack)
    unpack = staticmethod(unpack)
    of_text = staticmethod(ipaddress.ip_address)

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        if connection.vendor == "postgresql":
            return (
                f"masklen({column}) = CASE family({column}) WHEN 4 THEN 32 ELSE 128 END "
                f"AND NOT {column} <<= inet '::ffff:0.0.0.0/96'"
            )
        return f"{column} IS NULL OR ({_sqlite_bytes(column)} AND length({column}) = 17)"


class NetworkField(PackedField):
    """A network: `ipaddress.IPv4Network` or `IPv6Network`."""

    description = _("network")
    parse = staticmethod(addresses.parse_network)
    postgresql_type = "cidr"
    sqlite_type = "blob"
    pack = staticmethod(pack_network)
    unpack = staticmethod(unpack_network)
    of_text = staticmethod(ipaddress.ip_network)

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        if connection.vendor == "postgresql":
            return f"NOT {column} <<= cidr '::ffff:0.0.0.0/96'"
        bits = _sqlite_no_host_bits(column)
        return f"{column} IS NULL OR ({_sqlite_bytes(column)} AND length({column}) = 18 AND {bits})"


class MACField(ValueField):
    """A unicast Ethernet address, as lower-case colon text."""

    description = _("MAC address")
    parse = staticmethod(addresses.parse_mac)
    postgresql_type = "macaddr"
    sqlite_type = "varchar(17)"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        if connection.vendor == "postgresql":
            return (
                f"{column} & macaddr '01:00:00:00:00:00' = macaddr '00:00:00:00:00:00' "
                f"AND {column} <> macaddr '00:00:00:00:00:00'"
            )
        pair = "[0-9a-f][0-9a-f]"
        pattern = ":".join(["[0-9a-f][02468ace]", *[pair] * 5])
        return f"{column} GLOB '{pattern}' AND {column} <> '00:00:00:00:00:00'"


class AddressListField(models.TextField):
    """A short list of addresses (DNS servers), kept as comma-separated text; the Python value is a
    list."""

    description = _("list of IP addresses")

    def to_python(self, value: Any) -> list[Address]:
        if value is None or value == "":
            return []
        if isinstance(value, str):
            value = value.replace(";", ",").split(",")
        try:
            return [addresses.parse_address(part) for part in value if str(part).strip()]
        except ValueError as error:
            raise exceptions.ValidationError(str(error), code="invalid") from error

    def get_prep_value(self, value: Any) -> str:
        return ",".join(map(str, self.to_python(value)))

    def from_db_value(self, value: Any, *args: Any) -> list[Address]:
        return self.to_python(value)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        return AddressListFormField(
            required=not self.blank,
            label=self.verbose_name,
            help_text=self.help_text,
            widget=kwargs.get("widget"),
        )


class AddressListFormField(forms.CharField):
    """One line of addresses, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def _sqlite_bytes(column: str) -> str:
    """A family of 4 with twelve zero bytes in front, or 6 and not IPv4-mapped."""
    return (
        f"typeof({column}) = 'blob' AND ("
        f"substr({column}, 1, 13) = x'04{'00' * 12}' OR "
        f"(substr({column}, 1, 1) = x'06' AND substr({column}, 2, 12) <> x'{'00' * 10}ffff'))"
    )


def _sqlite_no_host_bits(column: str) -> str:
    """The prefix length fits the family, and every bit behind it is zero.

    SQLite has no blob-to-number function: a byte's value is read off its two hexadecimal digits.
    `start` is the first bit of the family's own bytes within the 16 (96 for IPv4).
    """
    length = _sqlite_byte(column, "18")
    start = f"CASE substr({column}, 1, 1) WHEN x'04' THEN 96 ELSE 0 END"
    bits = f"({length} + {start})"  # network bits within the 16 bytes
    whole = f"(({bits} + 7) / 8)"  # bytes that hold at least one network bit
    last = _sqlite_byte(column, f"1 + {whole}")
    return (
        f"{bits} <= 128 "
        f"AND substr({column}, 2 + {whole}, 16 - {whole}) = zeroblob(16 - {whole}) "
        f"AND ({bits} & 7 = 0 OR {last} & ((1 << (8 - ({bits} & 7))) - 1) = 0)"
    )


def _sqlite_byte(column: str, position: str) -> str:
    digits = f"hex(substr({column}, {position}, 1))"
    high = f"instr('0123456789ABCDEF', substr({digits}, 1, 1)) - 1"
    low = f"instr('0123456789ABCDEF', substr({digits}, 2, 1)) - 1"
    return f"(({high}) * 16 + {low})"


def sqlite_address(column: str) -> str:
    """SQL for an address as text: IPv4 with dots, IPv6 in full, without colons."""
    v4 = ", ".join(_sqlite_byte(column, str(place)) for place in range(14, 18))
    return (
        f"CASE substr({column}, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', {v4}) "
        f"WHEN x'06' THEN lower(hex(substr({column}, 2, 16))) END"
    )


def sqlite_network(column: str) -> str:
    """SQL for a network as text, with its prefix length."""
    return f"{sqlite_address(column)} || '/' || {_sqlite_byte(column, '18')}"
