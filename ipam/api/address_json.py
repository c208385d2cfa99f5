"""Address rows as JSON, with the details of their subnet and server, straight from the columns.

REST framework's serializers make their fields for every response and call each of them for every
row. For the most frequent rows this writes the same at once."""

from __future__ import annotations

import ipaddress
import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import cache
from operator import attrgetter
from typing import Any

from django.utils.timezone import get_current_timezone

from ipam.fields import unpack
from ipam.models import IPAddress

UTC_ZONE = zoneinfo.ZoneInfo("UTC")  # there is one object for each key
AddressColumns = tuple[Any, ...]
AddressJSON = dict[str, Any]

# An address row, its subnet and its server; `from_columns` takes them in this order. Times as text,
# because making objects of them would take half of the time.
_WITHOUT_SERVER = """
    a.id, a.vrf_id, a.ip_address, a.subnet_id, a.status, a.ip_type, a.active, a.server_id,
    a.hostname, a.mac_address, a.platform, a.manufacturer, a.description, a.vm_id,
    CAST(a.freed_at AS text), CAST(a.created_at AS text), CAST(a.updated_at AS text),
    s.network, s.name, s.gateway, s.vlan_id, s.site"""
COLUMNS = f"""{_WITHOUT_SERVER},
    h.hostname, h.ip_address, h.mac_address, h.device_type, h.manufacturer, h.location"""
COLUMNS_WITHOUT_SERVER = f"""{_WITHOUT_SERVER},
    NULL, NULL, NULL, NULL, NULL, NULL"""
# The same of instances.
_of_place = attrgetter("id", "vrf_id", "ip_address")
_of_address = attrgetter(
    *("status", "ip_type", "active", "server_id"),
    *("hostname", "mac_address", "platform", "manufacturer", "description", "vm_id"),
    *("freed_at", "created_at", "updated_at"),
)
_of_subnet = attrgetter("network", "name", "gateway", "vlan_id", "site")
_of_server = attrgetter(
    "hostname", "ip_address", "mac_address", "device_type", "manufacturer", "location"
)
_NO_SUBNET, _NO_SERVER = (None,) * 5, (None,) * 6

JOINED = "LEFT JOIN subnets s ON s.id = a.subnet_id LEFT JOIN hosts h ON h.id = a.server_id"
ONE = f"SELECT caller.*, {COLUMNS} FROM caller, ip_addresses a {JOINED} WHERE a.id = %(key)s"
_PAGE = f"""
SELECT caller.*, {{more}}, {COLUMNS} FROM caller, (
    SELECT id FROM ip_addresses {{start}}
    ORDER BY ip_address {{direction}}, id {{direction}} LIMIT %(size)s OFFSET %(offset)s
) chosen JOIN ip_addresses a ON a.id = chosen.id {JOINED} ORDER BY a.ip_address, a.id
"""
_BEYOND = "WHERE (ip_address, id) {sign} (%(address)s{cast}, %(id)s)"


@cache
def page(vendor: str, *, more: str = "NULL", beyond: bool = False, backwards: bool = False) -> str:
    """The statement for a page in the order of addresses: from the start, or after a cursor
    (address and id), or before it. `more` is a further column in front."""
    start = ""
    if beyond:
        cast = "::inet" if vendor == "postgresql" else ""
        start = _BEYOND.format(sign="<" if backwards else ">", cast=cast)
    return _PAGE.format(more=more, start=start, direction="DESC" if backwards else "ASC")


def of(address: IPAddress) -> AddressJSON:
    """An address row that has been read already, with its subnet and server. A query that hides the
    subnet has read none for it, whatever `subnet_id` is."""
    key, subnet, server = None, _NO_SUBNET, _NO_SERVER
    if address.subnet:
        key, subnet = address.subnet.pk, _of_subnet(address.subnet)
    if address.server:
        server = _of_server(address.server)
    row = (*_of_place(address), key, *_of_address(address), *subnet, *server)
    return from_columns(row, get_current_timezone())


def from_columns(row: AddressColumns, zone: tzinfo) -> AddressJSON:
    """One row of COLUMNS."""
    key, vrf, address, subnet, status, ip_type, active, server = row[:8]
    hostname, mac, platform, manufacturer, description, vm_id = row[8:14]
    freed, created, updated = row[14:17]
    return {
        "id": key,
        "vrf": vrf,
        "ip_address": address_text(address),
        "subnet": subnet,
        "subnet_name": row[18],
        "subnet_details": _subnet_details(subnet, row[17:22]),
        "status": status,
        "ip_type": ip_type,
        "active": bool(active),
        "server": server,
        "server_name": row[22],
        "server_details": _server_details(server, row[22:28]),
        "hostname": hostname,
        "mac_address": mac,
        "platform": platform,
        "manufacturer": manufacturer,
        "description": description,
        "vm_id": vm_id,
        "freed_at": _timestamp(freed, zone),
        "created_at": _timestamp(created, zone),
        "updated_at": _timestamp(updated, zone),
    }


def _subnet_details(key: int | None, columns: AddressColumns) -> dict[str, Any] | None:
    if key is None:
        return None
    network, name, gateway, vlan, site = columns
    return {
        "id": key,
        "network": _network_text(network),
        "name": name,
        "gateway": address_text(gateway),
        "vlan_id": vlan,
        "site": site,
    }


def _server_details(key: int | None, columns: AddressColumns) -> dict[str, Any] | None:
    if key is None:
        return None
    hostname, address, mac, device_type, manufacturer, location = columns
    return {
        "id": key,
        "hostname": hostname,
        "ip_address": address_text(address),
        "mac_address": mac,
        "device_type": device_type,
        "manufacturer": manufacturer,
        "location": location,
    }


def address_text(address: Any) -> Any:
    """As Python writes an address: PostgreSQL writes IPv4 alike, and IPv6 sometimes not."""
    if address is None:
        return None
    if isinstance(address, str):
        if ":" not in address:
            return address
        return str(ipaddress.ip_address(address))
    if isinstance(address, bytes):
        address = unpack(address)
    return str(address)


def _network_text(network: Any) -> str:
    if isinstance(network, str) and ":" not in network:
        return network
    if isinstance(network, bytes):
        return f"{unpack(network[:17])}/{network[17]}"
    return str(ipaddress.ip_network(network))


def _timestamp(moment: datetime | str | None, zone: tzinfo) -> str | None:
    """As REST framework writes a time. Text is from the database, in UTC; SQLite does not name the
    zone."""
    if moment is None:
        return None
    if isinstance(moment, str):
        if zone is UTC_ZONE:
            return _utc_timestamp(moment)
        moment = datetime.fromisoformat(moment.removesuffix("+00")).replace(tzinfo=UTC)
    text = moment.astimezone(zone).isoformat()
    if text.endswith("+00:00"):
        return f"{text[:-6]}Z"
    return text


def _utc_timestamp(text: str) -> str:
    """`2026-01-02 03:04:05.6` as `2026-01-02T03:04:05.600000Z`, without a datetime in between."""
    seconds, _, fraction = text.removesuffix("+00").partition(".")
    stamp = f"{seconds[:10]}T{seconds[11:]}"
    if fraction.strip("0"):
        stamp = f"{stamp}.{fraction:0<6}"
    return f"{stamp}Z"
