"""The columns of each table: their names in English and German, and what their cells mean."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipam import addresses
from ipam.addresses import Address, shorten
from ipam.transfer.sheet import Column, Layout

Range = tuple[Address, Address]

_YES = {"1", "true", "yes", "y", "x", "on", "enabled", "active", "ja", "j", "wahr", "an", "aktiv"}
_NO = {"0", "false", "no", "n", "off", "disabled", "inactive", "nein", "falsch", "aus", "inaktiv"}
_SEPARATORS = re.compile(r"[;,\n]")


def yes_or_no(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise ValueError(_("“%s” is neither yes nor no") % shorten(text))
    return word in _YES


_WHEN_DISABLED = {
    "not_reserved": "not_reserved",
    "not reserved": "not_reserved",
    "nicht reserviert": "not_reserved",
    "ignored": "ignored",
    "ignore": "ignored",
    "ignoriert": "ignored",
}


def when_disabled(text: str) -> str:
    word = text.strip().casefold()
    if word not in _WHEN_DISABLED:
        raise ValueError(_("“%s” is neither not_reserved nor ignored") % shorten(text))
    return _WHEN_DISABLED[word]


def number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(_("“%s” is not a number") % shorten(text))
    return int(text)


def address_list(text: str) -> list[Address]:
    parts = filter(None, re.split(r"[;,\s]+", text.strip()))
    return list(map(addresses.parse_address, parts))


def ranges(text: str) -> list[Range]:
    """`10.0.0.10-10.0.0.20; 10.0.0.30`, or the same as a JSON list; a word processor's dash is
    forgiven."""
    if text.lstrip().startswith("["):
        parts = _json_list(text)
    else:
        parts = _SEPARATORS.split(text)
    found = []
    for part in filter(str.strip, parts):
        found.append(addresses.parse_range(re.sub("[–—]", "-", part)))
    return sorted(found, key=lambda one: (one[0].version, int(one[0]), int(one[1])))


def _json_list(text: str) -> list[str]:
    try:
        parts = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_("“%s” is not a JSON list") % shorten(text)) from error
    return list(map(str, parts))


def range_text(value: Range) -> str:
    return f"{value[0]}-{value[1]}"


def show_ranges(value: Iterable[Range]) -> str:
    return ";".join(map(range_text, value))


def show_list(value: Iterable[Address]) -> str:
    return ",".join(map(str, value))


def show_bool(value: bool) -> str:
    return "true" if value else "false"


def show_or_nothing(value: Any) -> str:
    return "" if value is None else str(value)


def nothing() -> None:
    """What an emptied cell of a typed column holds."""


def never() -> None:
    """For a column that always says something."""
    raise ValueError(_("this cannot be emptied"))


def _is(*parsers: Callable[[str], Any]) -> Callable[[str], bool]:
    """Whether one of the parsers takes the cell."""

    def check(cell: str) -> bool:
        for parse in parsers:
            try:
                parse(cell)
            except ValueError:
                continue
            return True
        return False

    return check


def _address(name: str, german: str, *aliases: str) -> Column:
    return Column(name, german, aliases, addresses.parse_address, show_or_nothing, nothing)


def _pools(name: str, german: str, *aliases: str) -> Column:
    return Column(name, german, aliases, ranges, show_ranges, list)


_VRF: object = gettext_lazy(
    "A file belongs to one address space; leave the column VRF out and name it with --vrf."
)
_DESCRIPTION = Column(
    "description", "Beschreibung", ("comment", "note", "notes", "Kommentar", "Bemerkung", "Notiz")
)

_IP = ("ip", "ipaddr", "IPv4", "address", "Adresse")
_MAC = ("mac", "macaddr", "nic_mac", "Hardware-Adresse", "physical address")

SERVERS = Layout(
    columns=(
        Column(
            "hostname",
            "Hostname",
            ("host", "name", "server", "Rechnername", "Rechner", "Computername"),
        ),
        _address("ip_address", "IP-Adresse", *_IP),
        Column("mac_address", "MAC-Adresse", _MAC, addresses.parse_mac, show_or_nothing, nothing),
        Column("location", "Standort", ("room", "Raum", "Ort")),
        Column("lan_port", "LAN-Dose", ("lan_dose", "port", "outlet", "lan_outlet", "Dose")),
        Column(
            "device_type", "Gerätetyp", ("type", "model", "platform", "Typ", "Modell", "Plattform")
        ),
        Column("manufacturer", "Hersteller", ("manufacture", "vendor")),
        _DESCRIPTION,
        Column(
            "enabled",
            "aktiv",
            ("active", "aktiviert", "eingeschaltet"),
            yes_or_no,
            show_bool,
            never,
        ),
        Column(
            "when_disabled",
            "wenn inaktiv",
            ("while disabled", "dhcp_when_disabled"),
            when_disabled,
            str,
            never,
        ),
    ),
    required=("mac_address",),
    positions=("hostname", "ip_address", "mac_address", "location", "lan_port"),
    foreign={"vrf": _VRF},
    is_data=_is(addresses.parse_address, addresses.parse_mac),
)

SUBNETS = Layout(
    columns=(
        Column(
            "network",
            "Netz",
            ("subnet", "cidr", "prefix", "Netzwerk", "Subnetz"),
            addresses.parse_network,
            str,
            nothing,
        ),
        Column("name", "Name", ("Bezeichnung",)),
        _address("gateway", "Gateway", "gw", "router", "Standardgateway"),
        Column("vlan_id", "VLAN", ("vlan-nr",), number, show_or_nothing, nothing),
        _DESCRIPTION,
        Column("dns_servers", "DNS-Server", ("dns", "nameserver"), address_list, show_list, list),
        Column("domain", "Domäne", ("dns_zone", "zone"), str.lower),
        Column("site", "Standort", ("location",)),
        _pools(
            "static_ip_pools",
            "Statische Pools",
            "static_pools",
            "static pool",
            "statische IP-Pools",
        ),
        _pools("dhcp_pools", "DHCP-Pools", "dhcp_ip_pools", "dhcp pool", "DHCP-Bereiche"),
    ),
    required=("network",),
    positions=("network", "name", "gateway", "vlan_id"),
    foreign={"vrf": _VRF},
    is_data=_is(addresses.parse_network),
)

INTERFACES = Layout(
    columns=(
        Column("server", "Server", ("hostname", "host", "Rechnername", "Rechner")),
        Column("name", "Schnittstelle", ("interface", "nic", "card", "Karte")),
        Column("mac_address", "MAC-Adresse", _MAC, addresses.parse_mac, show_or_nothing, nothing),
        _address("ip_address", "IP-Adresse", *_IP),
        Column("duid", "DUID", ("dhcpv6-id",), str.lower),
    ),
    required=("server", "name"),
    positions=("server", "name", "mac_address", "ip_address"),
    foreign={"vrf": _VRF},
    is_data=_is(addresses.parse_address, addresses.parse_mac),
)

_STATUSES = {
    "verfügbar": "available",
    "frei": "available",
    "free": "available",
    "zugewiesen": "allocated",
    "vergeben": "allocated",
    "assigned": "allocated",
    "reserviert": "reserved",
    "quarantäne": "quarantine",
}


def status(text: str) -> str:
    """A status by its name in English or German."""
    word = text.strip().casefold()
    word = _STATUSES.get(word, word)
    if word not in _STATUSES.values():
        known = "available, allocated, reserved, quarantine"
        raise ValueError(
            _("“%(word)s” is no status; there are: %(known)s")
            % {"word": shorten(text), "known": known}
        )
    return word


def _written(name: str, german: str, show: Callable[[Any], str]) -> Column:
    """A column that is only written: it follows from subnets, pools, servers and probes."""
    return Column(name, german, parse=None, show=show)


ADDRESSES = Layout(
    columns=(
        _address("ip_address", "IP-Adresse", *_IP),
        _written("subnet", "Netz", show_or_nothing),
        Column("status", "Status", ("state", "Zustand"), status, str, never),
        _written("ip_type", "Typ", str),
        _written("active", "aktiv", show_bool),
        Column("hostname", "Hostname", ("host", "name", "Rechnername", "dns_name")),
        Column("mac_address", "MAC-Adresse", _MAC, addresses.parse_mac, show_or_nothing, nothing),
        Column("platform", "Plattform", ("device_type", "Gerätetyp")),
        Column("manufacturer", "Hersteller", ("manufacture", "vendor")),
        _written("server", "Server", show_or_nothing),
        Column("vm_id", "VM", ("vm",), str, show_or_nothing, nothing),
        _DESCRIPTION,
    ),
    required=("ip_address",),
    positions=("ip_address", "status", "hostname", "mac_address", "description"),
    foreign={"vrf": _VRF},
    is_data=_is(addresses.parse_address),
)
