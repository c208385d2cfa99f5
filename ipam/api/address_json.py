"""Address rows as the API shows them, with the details of their subnet and server: straight from
the columns.

REST framework's serializers make their fields anew for every answer and ask each of them for every
row; for the rows that are asked for most, this says the same in one go."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from django.utils.timezone import get_current_timezone

from ipam.fields import unpack
from ipam.models import IPAddress

Row = tuple[Any, ...]
Shown = dict[str, Any]

OF_ADDRESS = (
    "id",
    "vrf_id",
    "ip_address",
    "subnet_id",
    "status",
    "ip_type",
    "active",
    "server_id",
    "hostname",
    "mac_address",
    "platform",
    "manufacturer",
    "description",
    "vm_id",
)
TIMES = ("freed_at", "created_at", "updated_at")
OF_SUBNET = ("network", "name", "gateway", "vlan_id", "site")
OF_SERVER = ("hostname", "ip_address", "mac_address", "device_type", "manufacturer", "location")
_OF_ROW = (
    *(f"a.{name}" for name in OF_ADDRESS),
    *(f"CAST(a.{name} AS text)" for name in TIMES),  # as objects they would take half of the time
    *(f"s.{name}" for name in OF_SUBNET),
)
COLUMNS = ", ".join((*_OF_ROW, *(f"h.{name}" for name in OF_SERVER)))
NOBODYS = ", ".join(
    (*_OF_ROW, *("NULL" for _name in OF_SERVER))
)  # of a row that belongs to no server
_JOINED = "LEFT JOIN subnets s ON s.id = a.subnet_id LEFT JOIN hosts h ON h.id = a.server_id"
ONE = f"SELECT caller.*, {COLUMNS} FROM caller, ip_addresses a {_JOINED} WHERE a.id = %(key)s"
_PAGE = f"""
SELECT caller.*, {{more}}, {COLUMNS} FROM caller, (
    SELECT id FROM ip_addresses {{start}} ORDER BY ip_address {{way}}, id {{way}} LIMIT %(size)s OFFSET %(offset)s
) chosen JOIN ip_addresses a ON a.id = chosen.id {_JOINED} ORDER BY a.ip_address, a.id
"""
_BEYOND = "WHERE (ip_address, id) {sign} (%(address)s{cast}, %(id)s)"


@cache
def page(vendor: str, *, more: str = "NULL", beyond: bool = False, backwards: bool = False) -> str:
    """The statement for a page in the order of addresses: from the start, or beyond a place
    (address and id), or before it."""
    cast = "::inet" if vendor == "postgresql" else ""
    start = _BEYOND.format(sign="<" if backwards else ">", cast=cast) if beyond else ""
    return _PAGE.format(more=more, start=start, way="DESC" if backwards else "ASC")


def of(address: IPAddress) -> Shown:
    """An address row that has been read already, with its subnet and server."""
    subnet, server = address.subnet, address.server
    row = (
        *(getattr(address, name) for name in (*OF_ADDRESS, *TIMES)),
        *(getattr(subnet, name, None) for name in OF_SUBNET),
        *(getattr(server, name, None) for name in OF_SERVER),
    )
    return shown(row, get_current_timezone())


def shown(row: Row, zone: tzinfo) -> Shown:
    """One row of COLUMNS."""
    (
        key,
        vrf,
        address,
        subnet,
        status,
        ip_type,
        active,
        server,
        hostname,
        mac,
        platform,
        manufacturer,
        description,
        vm_id,
        freed,
        created,
        updated,
        network,
        name,
        gateway,
        vlan,
        site,
        host,
        host_address,
        host_mac,
        device,
        host_manufacturer,
        location,
    ) = row
    return {
        "id": key,
        "vrf": vrf,
        "ip_address": address_text(address),
        "subnet": subnet,
        "subnet_name": name,
        "subnet_details": subnet
        and {
            "id": subnet,
            "network": _network(network),
            "name": name,
            "gateway": address_text(gateway),
            "vlan_id": vlan,
            "site": site,
        },
        "status": status,
        "ip_type": ip_type,
        "active": bool(active),
        "server": server,
        "server_name": host,
        "server_details": server
        and {
            "id": server,
            "hostname": host,
            "ip_address": address_text(host_address),
            "mac_address": host_mac,
            "device_type": device,
            "manufacturer": host_manufacturer,
            "location": location,
        },
        "hostname": hostname,
        "mac_address": mac,
        "platform": platform,
        "manufacturer": manufacturer,
        "description": description,
        "vm_id": vm_id,
        "freed_at": _time(freed, zone),
        "created_at": _time(created, zone),
        "updated_at": _time(updated, zone),
    }


def address_text(address: Any) -> Any:
    """PostgreSQL spells IPv4 as we do, and IPv6 sometimes not."""
    if isinstance(address, bytes):
        address = unpack(address)
    if isinstance(address, str) and ":" in address:
        address = ipaddress.ip_address(address)
    return address if address is None else str(address)


def _network(network: Any) -> str:
    if isinstance(network, bytes):
        return f"{unpack(network[:17])}/{network[17]}"
    return (
        network
        if isinstance(network, str) and ":" not in network
        else str(ipaddress.ip_network(network))
    )


def _time(moment: datetime | str | None, zone: tzinfo) -> str | None:
    """As REST framework writes it. As text it comes from the database, in UTC: SQLite does not say
    so."""
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = moment.removesuffix("+00")
        if str(zone) == "UTC":
            whole, _, part = moment.partition(".")
            return f"{whole[:10]}T{whole[11:]}{f'.{part:0<6}' if part.strip('0') else ''}Z"
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    text = moment.astimezone(zone).isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text
