"""Kea's configuration as records: subnets with their pools, options and lease times, and
reservations."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import filterfalse
from typing import Any

from django.utils.translation import gettext as _

from dhcp import options as our_options
from importers.readers import facts
from importers.readers.facts import Fact, SubnetFacts
from importers.readers.isc.options import KNOWN, Definition, kind_of_type
from importers.readers.kea.json_lines import Node, load
from importers.readers.machines import mac_of, merged, range_of, reservation
from importers.records import LeftOut, Machine, Range, Record
from importers.source import BadInput, Source, placed
from ipam.addresses import Address, Network, parse_address

_LEASE_TIME = 7200  # seconds, where the configuration says none
_NAMES = {
    4: {"boot-file-name": 67, "nis-servers": 41, "netbios-name-servers": 44, "dhcp-lease-time": 51},
    6: {"dns-servers": 23, "nisp-servers": 28, "new-posix-timezone": 41},
}
_ROOTS = {4: "Dhcp4", 6: "Dhcp6"}
_LEVELS = ("shared-networks", "subnet4", "subnet6", "pools", "option-data", "reservations")
_READ = frozenset(
    {
        *_LEVELS,
        "subnet",
        "name",
        "id",
        "interface",
        "valid-lifetime",
        "next-server",
        "boot-file-name",
        "user-context",
        "comment",
        "option-def",
    }
)
_READ_OF_HOSTS = frozenset(
    {
        "hw-address",
        "duid",
        "ip-address",
        "ip-addresses",
        "hostname",
        "user-context",
        "comment",
    }
)
_HEX = re.compile(r"\s*(0x)?([0-9a-fA-F]{2}[ :-]?)+\s*")
_NOTHING: tuple[Any, ...] = ("", str(IPv4Address(0)), [], {}, None)


def read(source: Source, name: str) -> Iterator[Record]:
    """Raises BadInput."""
    root = load(source, name)
    values: dict[str, Any] = root if isinstance(root, dict) else {}
    found = 0
    for version, key in _ROOTS.items():
        inner = values.get(key)
        if isinstance(inner, Node):
            found += 1
            configuration = _Configuration(version)
            configuration.level(inner, _Level())
            yield from configuration.records()
    if not found:
        raise BadInput(name, _("This is no configuration of Kea: it has no Dhcp4 or Dhcp6."))
    yield from _others(root, frozenset(_ROOTS.values()))


@dataclass
class _Level:
    """What holds at a level: facts of the levels around, and a shared network."""

    facts: dict[str | int, Fact] = field(default_factory=dict)
    interface: str = ""
    shared: list[Network] = field(default_factory=list)  # subnets of its wire so far
    is_shared: bool = False


def _others(node: Node, known: frozenset[str]) -> Iterator[LeftOut]:
    """What else an object has."""
    reason = _("The ledger has no place for this.")
    for key in filterfalse(known.__contains__, node):
        value = node[key]
        if value not in _NOTHING:
            yield LeftOut(node.place(key), f"{key}: {_shown(value)}"[:200], reason)


def _shown(value: object) -> str:
    """A value for a report; what is within an object may be a password."""
    if isinstance(value, (dict, list)):
        return "…"
    return json.dumps(value, ensure_ascii=False)


class _Configuration:
    """What a configuration of one version has said."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.found: list[Record] = []
        self.machines: list[Machine] = []
        self.definitions: dict[str, Node] = {}
        self.left_out: list[LeftOut] = []

    def records(self) -> Iterator[Record]:
        yield from self.found
        yield from merged(self.machines)
        yield from self.left_out

    def leave(self, node: Node, key: str, reason: object) -> None:
        self.left_out.append(LeftOut(node.place(key), f"{key}: {node.get(key)}"[:200], str(reason)))

    def level(self, node: Node, around: _Level) -> None:
        """The whole configuration, or a shared network."""
        for definition in node.nodes("option-def"):
            self.definitions[definition.text("name")] = definition
        inside = self._inside(node, around)
        for shared in node.nodes("shared-networks"):
            self._shared(shared, inside)
        for subnet in node.nodes(f"subnet{self.version}"):
            self._subnet(subnet, inside)
            if not inside.is_shared:
                inside.shared.clear()
        self._reservations(node)
        self.left_out += _others(node, _READ)

    def _shared(self, node: Node, around: _Level) -> None:
        self.level(node, _Level(around.facts, around.interface, is_shared=True))

    def _inside(self, node: Node, around: _Level) -> _Level:
        found = dict(around.facts)
        for key in _FACTS.keys() & node.keys():
            name, value = _FACTS[key], node[key]
            if value not in _NOTHING:
                found[name] = Fact(node.place(key), f"{key}: {value}", name, str(value))
        for fact in filter(None, map(self._option, node.nodes("option-data"))):
            found[fact.key] = fact
        inside = replace(around, facts=found)
        if "interface" in node:
            inside.interface = node.text("interface")
        return inside

    # --- subnets ---

    def _subnet(self, node: Node, around: _Level) -> None:
        network = self._network(node)
        inside = self._inside(node, around)
        subnet = SubnetFacts(node.place("subnet"), network, _LEASE_TIME)
        for fact in inside.facts.values():
            subnet.take(fact)
        subnet.scope["interface"] = inside.interface
        for first in inside.shared[:1]:
            subnet.scope["wire"] = first
        inside.shared.append(network)
        subnet.net["description"] = _comment(node)
        self.found += subnet.records()
        for pool in node.nodes("pools"):
            self._pool(pool, network)
        self._reservations(node)
        self.left_out += _others(node, _READ)

    def _network(self, node: Node) -> Network:
        """Kea forgives bits behind the prefix."""
        text = node.text("subnet").replace(" ", "")
        with placed(node.place("subnet")):
            network = ipaddress.ip_network(text, strict=False)
        if (network.version, "/" in text) != (self.version, True):
            raise node.wrong("subnet", _("An IPv%d network is expected.") % self.version)
        return network

    def _pool(self, node: Node, network: Network) -> None:
        with placed(node.place("pool")):
            first, last = range_of(node.text("pool").split(" - "))
        if first not in network or last not in network:
            raise node.wrong("pool", _("The pool is not in %s.") % network)
        self.found.append(Range(node.place("pool"), first, last, "dhcp"))
        self.left_out += _others(node, frozenset({"pool", "pool-id"}))

    # --- options ---

    def _option(self, node: Node) -> Fact | None:
        """An option of the space of DHCP itself; None for any other."""
        name = node.text("name")
        if node.text("space") not in ("", f"dhcp{self.version}"):
            self.leave(node, "name", _("Options of this space cannot be kept."))
            return None
        number = node.get("code", self._number(name))
        if not isinstance(number, int):
            self.leave(node, "name", _("The number of this option is not known."))
            return None
        kind = self._kind(name, number)
        if node.get("csv-format") is False:
            kind = "bytes"
        value = _VALUES.get(kind, _list)(node)
        return Fact(node.place("name"), f"{name}: {value}", number, value, kind)

    def _number(self, name: str) -> int | None:
        if name in self.definitions:
            return self.definitions[name].get("code")
        return _NUMBERS[self.version].get(name)

    def _kind(self, name: str, number: int) -> str:
        if number in our_options.KNOWN[self.version]:
            return our_options.kind_of(number, self.version)
        if name in self.definitions:
            return _KINDS.get(self.definitions[name].text("type"), "")
        return kind_of_type(KNOWN[self.version].get(name, _UNKNOWN).type)

    # --- reservations ---

    def _reservations(self, node: Node) -> None:
        for host in node.nodes("reservations"):
            self.machines.append(self._machine(host))
            for option in host.nodes("option-data"):
                self.leave(option, "name", _("The ledger keeps options by subnet only."))
            self.left_out += _others(host, _READ_OF_HOSTS | {"option-data"})

    def _machine(self, node: Node) -> Machine:
        macs: list[str | None] = [None]
        for text in filter(None, [node.text("hw-address")]):
            with placed(node.place("hw-address")):
                macs = [mac_of(text)]
        duid = colons(node.text("duid"))
        if self.version == 4 and duid:
            self.leave(node, "duid", _("A machine has a DUID in DHCPv6 only."))
            duid = ""
        name = node.text("hostname").rstrip(".")
        return reservation(node.at, name, _addresses(node), macs[0], duid, _comment(node))


def _addresses(node: Node) -> list[Address]:
    texts = [node.text("ip-address"), *node.texts("ip-addresses")]
    with placed(node.at):
        return list(map(parse_address, filter(None, texts)))


def _text(node: Node) -> str:
    return node.text("data").replace("\\,", ",")


def _flag(node: Node) -> str:
    text = _list(node).lower()
    return {"true": "yes", "false": "no"}.get(text, text)


def _list(node: Node) -> str:
    return node.text("data").replace(" ", "")


def _bytes(node: Node) -> str:
    text = node.text("data")
    if not _HEX.fullmatch(text):
        raise node.wrong("data", _("“%s” is not hexadecimal.") % text[:60])
    return colons(text)


def colons(text: str) -> str:
    """Bytes in any spelling as `01:0a:ff`."""
    digits = re.sub("^0x|[^0-9a-f]", "", text.lower())
    return ":".join(re.findall("..", digits))


def _comment(node: Node) -> str:
    """A comment, by itself or in the user's context."""
    context = node.get("user-context")
    if isinstance(context, Node):
        return str(context.get("comment", ""))
    return node.text("comment")


_FACTS = {
    "valid-lifetime": facts.LEASE_TIME,
    "next-server": facts.BOOT_SERVER,
    "boot-file-name": facts.BOOT_FILE,
}
_VALUES = {"text": _text, "bytes": _bytes, "flag": _flag}
_UNKNOWN = Definition(0, "")
_NUMBERS = {
    version: {name: one.number for name, one in KNOWN[version].items()} | _NAMES[version]
    for version in _NAMES
}
_KINDS = {
    "ipv4-address": "addresses",
    "ipv6-address": "addresses",
    "string": "text",
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "int32": "i32",
    "boolean": "flag",
    "fqdn": "text",
    "binary": "bytes",
}
