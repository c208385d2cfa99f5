"""NetBox's CSV exports (the current view or all data, in English or German) as records.

A file is known by its headings. What an address is on is told by the exports of interfaces; without
them, devices have their primary addresses only."""

from __future__ import annotations

import csv
import io
import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Any

from django.utils.translation import gettext as _

from importers.readers.machines import mac_of
from importers.records import Card, Held, LeftOut, Machine, Net, Range, Record, Vrf
from importers.source import BadInput, Source, placed
from ipam.addresses import Address, parse_address

# What a column is called here, by its English and its German heading.
_COLUMNS = {
    "prefix": ("Prefix",),
    "prefixes": ("Prefixes", "Prefixe"),
    "status": ("Status",),
    "vrf": ("VRF",),
    "scope": ("Scope", "Geltungsbereich"),
    "scope_type": ("Scope Type", "Art des Geltungsbereichs"),
    "vlan": ("VLAN",),
    "vid": ("VID",),
    "description": ("Description", "Beschreibung"),
    "rd": ("RD",),
    "unique": ("Unique", "Einzigartig"),
    "name": ("Name",),
    "start": ("Start address", "Startadresse"),
    "end": ("End address", "Endadresse"),
    "role": ("Role", "Rolle"),
    "ip": ("IP Address", "IP-Adresse"),
    "dns_name": ("DNS name", "DNS-Name"),
    "assigned": ("Assigned", "Zugewiesen"),
    "device": ("Device", "Gerät"),
    "vm": ("Virtual Machine", "Virtuelle Maschine"),
    "enabled": ("Enabled", "Aktiviert"),
    "mac": ("Primary MAC", "Primärere MAC", "Primäre MAC"),
    "macs": ("MAC Addresses", "MAC-Adressen"),
    "ips": ("IP Addresses", "IP-Adressen"),
    "site": ("Site", "Standort"),
    "manufacturer": ("Manufacturer", "Hersteller"),
    "type": ("Type", "Typ"),
    "ip4": ("IPv4 Address", "IPv4-Adresse"),
    "ip6": ("IPv6 Address", "IPv6-Adresse"),
    "oob": ("OOB IP",),
    "cluster": ("Cluster",),
    "asset_tag": ("Asset tag", "Asset-Tag"),
    "id": ("ID",),
    "facility": ("Facility", "Einrichtung"),
    "mac_address": ("MAC Address", "MAC-Adresse"),
}
_NAMES = {heading: name for name, headings in _COLUMNS.items() for heading in headings}
_STATUSES = {
    "reserved": "reserved",
    "reserviert": "reserved",
    "deprecated": "quarantine",
    "veraltet": "quarantine",
    "dhcp": "reserved",
}
_GLOBAL = ("", "Global")
_RD = re.compile(r" \([^()]*\)$")
_VLAN = re.compile(r"\(([0-9]+)\)$")
_SITES = ("", "dcim.site")
_DHCP = re.compile("dhcp", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A line of an export by our names of its columns; an empty text where there is no such
    column."""

    at: str
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def vrf(self) -> str:
        """The name of its VRF; of one with a route distinguisher, NetBox shows both."""
        text = self["vrf"]
        if text in _GLOBAL:
            return ""
        return _RD.sub("", text)

    def address(self, name: str) -> Address | None:
        """The address of a cell, without its mask. Raises BadInput."""
        text = self[name].partition("/")[0]
        if not text:
            return None
        with placed(self.at):
            return parse_address(text)


def read(source: Source) -> Iterator[Record]:
    """Raises BadInput."""
    export = _Export()
    for name in source.names:
        export.file(source, name)
    yield from export.records()


@dataclass
class _Owner:
    """A device or a virtual machine with its interfaces."""

    row: Row
    nics: list[Row] = field(default_factory=list)


class _Export:
    """The rows of all files, by what they are."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.left_out: list[LeftOut] = []
        self.names: set[str] = set()  # of machines
        self.on_machines: set[tuple[str, Address]] = set()

    def file(self, source: Source, name: str) -> None:
        reader = csv.reader(io.StringIO(source.text(name)), strict=True)
        headings = _headings(reader, name)
        kind = _kind(headings)
        columns = [_NAMES.get(heading, "") for heading in headings]
        if not kind:
            self.left_out.append(LeftOut(f"{name}:1", name, _("This export has no place.")))
            return
        for row in _rows(reader, name, columns):
            self.rows[kind].append(row)

    def records(self) -> Iterator[Record]:
        for row in self.rows["vrfs"]:
            yield Vrf(row.at, row["name"], row["rd"], row["description"])
        yield from self._prefixes()
        yield from self._ranges()
        machines = list(self._machines())
        yield from self._addresses()
        yield from machines
        yield from self.left_out

    def leave(self, row: Row, what: str, reason: object) -> None:
        self.left_out.append(LeftOut(row.at, what[:200], str(reason)))

    # --- networks ---

    def _prefixes(self) -> Iterator[Record]:
        gateways = self._gateways()
        for row in self.rows["prefixes"]:
            with placed(row.at):
                network = ipaddress.ip_network(row["prefix"])
            facts: dict[str, Any] = {"description": row["description"]}
            if self._is_site(row):
                facts["site"] = row["scope"]
            else:
                self.leave(row, row["scope"], _("A subnet has a site, and no other place."))
            for number in _VLAN.findall(row["vlan"]):
                facts["vlan_id"] = int(number)
            inside = list(filter(network.__contains__, gateways[row.vrf]))
            if inside and network.num_addresses > 2:
                facts["gateway"] = inside[-1]
            yield Net(row.at, network, row.vrf, **facts)
            self._status_left_out(row, row["prefix"])

    def _is_site(self, row: Row) -> bool:
        """Whether a prefix lies in a site: by its type, or else by the export of sites."""
        if "scope_type" in row.cells:
            return row["scope_type"] in _SITES
        sites = {site["name"] for site in self.rows["sites"]}
        return not sites or row["scope"] in {"", *sites}

    def _status_left_out(self, row: Row, what: str) -> None:
        if row["status"].lower() not in ("active", "aktiv"):
            text = f"{what}: {row['status']}"
            self.leave(row, text, _("Subnets and pools have no status."))

    def _gateways(self) -> dict[str, list[Address]]:
        """Addresses that are described as gateways, by their VRF."""
        found: dict[str, list[Address]] = defaultdict(list)
        for row in self.rows["addresses"]:
            if row["description"] == "gateway":
                found[row.vrf] += filter(None, [row.address("ip")])
        return found

    def _ranges(self) -> Iterator[Record]:
        for row in self.rows["ranges"]:
            first, last = row.address("start"), row.address("end")
            if first is None or last is None:
                raise BadInput(row.at, _("A range needs its first and its last address."))
            kind = "static"
            if _DHCP.search(row["role"]):
                kind = "dhcp"
            yield Range(row.at, first, last, kind, row.vrf)
            if row["description"]:
                self.leave(row, row["description"], _("A pool has no description."))
            self._status_left_out(row, f"{first}-{last}")

    # --- machines ---

    def _machines(self) -> Iterator[Record]:
        owners = self._owners()
        for kind in ("nics", "vm_nics"):
            for nic in self.rows[kind]:
                owner = owners.get((kind, nic["device"] or nic["vm"]))
                if owner is None:
                    self.leave(nic, nic["name"], _("Its machine is not in the exports."))
                else:
                    owner.nics.append(nic)
        for owner in {id(owner): owner for owner in owners.values()}.values():
            yield self._machine(owner)

    def _owners(self) -> dict[tuple[str, str], _Owner]:
        """Machines by the kind of their interfaces, and by how an interface names them: with the
        asset tag."""
        found: dict[tuple[str, str], _Owner] = {}
        for kind, nics in (("devices", "nics"), ("vms", "vm_nics")):
            for row in self.rows[kind]:
                owner = _Owner(row)
                shown = row["name"] or f"{row['manufacturer']} {row['type']}"
                found.setdefault((nics, shown), owner)
                for tag in (row["asset_tag"], row["id"]):
                    found[nics, f"{shown} ({tag})"] = owner
        return found

    def _machine(self, owner: _Owner) -> Machine:
        row = owner.row
        cards = list(self._cards(owner))
        for name in _PRIMARY:
            ip = row.address(name)
            if ip not in (None, *map(_ip, cards)):
                cards.append(Card(row.at, name, None, ip))
        own = _own(cards, row)
        rest = list(filterfalse(own.__eq__, cards))
        for card in cards:
            if card.ip:
                self.on_machines.add(("", card.ip))
        return Machine(
            row.at,
            self._name(row),
            ip=own.ip,
            mac=own.mac,
            device_type=row["type"],
            manufacturer=row["manufacturer"],
            description=row["description"],
            location=row["site"],
            cards=tuple(rest),
        )

    def _name(self, row: Row) -> str:
        """The name of a machine; a second one of the name gets the name of its cluster or site."""
        name = row["name"]
        if not name:
            name = f"device-{row['id']}"
        if name.lower() in self.names:
            name = "-".join(filter(None, [name, row["cluster"], row["site"]]))
            self.leave(
                row, row["name"], _("Another machine has this name: it is called %s.") % name
            )
        self.names.add(name.lower())
        return name

    def _cards(self, owner: _Owner) -> Iterator[Card]:
        """A card for each address of an interface; one without an address for its MAC address."""
        for nic in owner.nics:
            if nic.vrf:
                self.leave(nic, nic["ips"], _("An interface in a VRF has no server here."))
                continue
            mac = self._mac(nic)
            name = nic["name"]
            ips = list(filter(None, nic["ips"].split(",")))
            for number, text in enumerate(ips or [""]):
                cells = {"ip": text.strip()}
                ip = Row(nic.at, cells).address("ip")
                suffix = f":{number + 1}" * bool(number)
                yield Card(nic.at, f"{name}{suffix}"[:64], mac, ip)

    def _mac(self, nic: Row) -> str | None:
        first, *others = re.split(r"\s*,\s*", nic["mac"] or nic["macs"])
        if others:
            self.leave(nic, ", ".join(others), _("An interface has one MAC address."))
        if not first:
            return None
        with placed(nic.at):
            return mac_of(first)

    # --- addresses ---

    def _addresses(self) -> Iterator[Record]:
        gateways = {(vrf, ip) for vrf, ips in self._gateways().items() for ip in ips}
        for row in self.rows["addresses"]:
            ip = row.address("ip")
            if ip is None:
                raise BadInput(row.at, _("An address is missing."))
            if (row.vrf, ip) in gateways - self.on_machines:
                continue  # the subnet says it
            status = _STATUSES.get(row["status"].lower(), "allocated")
            note = " · ".join(filter(None, [row["description"], row["role"]]))
            if (row.vrf, ip) in self.on_machines:
                yield from self._note(row, ip, note)
                continue
            yield Held(row.at, ip, row.vrf, status, row["dns_name"], note=note)

    def _note(self, row: Row, ip: Address, note: str) -> Iterator[Record]:
        """What is said of a machine's address is kept with it."""
        if note:
            yield Held(row.at, ip, row.vrf, "reserved", note=note)


def _ip(card: Card) -> Address | None:
    return card.ip


def _own(cards: list[Card], row: Row) -> Card:
    """The card of the machine's own address: of its primary IPv4 address, of any IPv4 address, of
    any address."""
    primary = {row.address("ip4"), row.address("ip")} - {None}
    ranked = sorted(filter(_ip, cards), key=_rank(primary))
    return next(iter(ranked), Card(row.at, ""))


def _rank(primary: set[Address | None]) -> Callable[[Card], tuple[int, bool]]:
    def rank(card: Card) -> tuple[int, bool]:
        assert card.ip is not None
        return card.ip.version, card.ip not in primary

    return rank


_PRIMARY = ("ip4", "ip", "ip6", "oob")
_KINDS = {
    frozenset({"prefix", "status"}): "prefixes",
    frozenset({"start", "end"}): "ranges",
    frozenset({"ip", "dns_name"}): "addresses",
    frozenset({"name", "rd"}): "vrfs",
    frozenset({"name", "facility"}): "sites",
    frozenset({"name", "manufacturer", "type"}): "devices",
    frozenset({"name", "cluster", "ip"}): "vms",
    frozenset({"name", "device", "type"}): "nics",
    frozenset({"name", "vm", "enabled"}): "vm_nics",
}


def _kind(headings: list[str]) -> str:
    names = set(map(_NAMES.get, headings))
    for needed, kind in _KINDS.items():
        if needed <= names:
            return kind
    return ""


def _headings(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        return next(reader)
    except (csv.Error, StopIteration) as error:
        raise BadInput(f"{name}:1", _("The heading is missing.")) from error


def _rows(reader: Any, name: str, columns: list[str]) -> Iterator[Row]:
    line = reader.line_num + 1
    try:
        for cells in reader:
            at = f"{name}:{line}"
            line = reader.line_num + 1
            if len(cells) != len(columns):
                raise BadInput(at, _("The line has %d cells only.") % len(cells))
            yield Row(at, dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise BadInput(f"{name}:{line}", error) from error
