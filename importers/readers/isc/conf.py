"""dhcpd.conf as records: subnets with their pools, options and lease times, and hosts.

The settings of a block hold in the blocks within it. Options of pools, classes and single hosts
have no place in the ledger, which keeps them by subnet."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Any

from django.utils.translation import gettext as _

from importers.readers import facts
from importers.readers.facts import Fact, SubnetFacts
from importers.readers.isc import checks, options
from importers.readers.isc.checks import GROUP, HOST, POOL, ROOT, SHARED, SUBNET
from importers.readers.isc.options import Definition, Unkept
from importers.readers.isc.syntax import Statement, parse
from importers.readers.machines import mac_of, merged, range_of, reservation, whole_bytes
from importers.records import LeftOut, Machine, Range, Record
from importers.source import DEEPEST, Source, placed
from ipam.addresses import Address, Network, parse_address

_PERMITS = {"allow": "allow", "deny": "deny", "ignore": "deny"}
_KNOWN_ONLY = {"deny-unknown-clients": "yes", "allow-unknown-clients": ""}
_KNOWN_ONLY_IN_POOL = {
    "deny-unknown-clients": True,
    "allow-known-clients": True,
    "allow-unknown-clients": False,
}
_HOLDERS = {SUBNET: "subnet", SHARED: "shared"}
_PREFIX_LENGTHS = frozenset(map(str, range(1, 128)))
_RANGE_WORDS = ("dynamic-bootp", "temporary")
_CONSTANT = re.compile(r'match "[^"]*"')
_HOST = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_NETWORKS = {
    "subnet": re.compile(r"[0-9.]+ netmask (255|254|252|248|240|224|192|128|0)(\.[0-9]{1,3}){3}"),
    "subnet6": re.compile(r"[0-9A-Fa-f:. ]+/ ?[0-9]{1,3}"),
}
_LEASE_TIME = 43_200  # seconds, where the configuration says none
_HOST_NAME = 12  # an option
_KEYS = {"next-server": facts.BOOT_SERVER, "filename": facts.BOOT_FILE}
_SPACES = ("agent", "server", "isc", "nwip", "fqdn", "vsio", "vivso", "vivco", "vendor", "relay")
_NUMBERS = ("default-lease-time", "max-lease-time", "min-lease-time")


def read(source: Source, name: str, version: int) -> Iterator[Record]:
    """The records of a configuration for DHCPv4 or DHCPv6. Raises BadInput."""
    configuration = _Configuration(source, version)
    configuration.block(configuration.statements(name), _Place(ROOT))
    return configuration.records()


@dataclass(frozen=True, slots=True)
class _Setting:
    """A parameter or an option that holds in a block, and the blocks within it."""

    statement: Statement
    fact: Fact


_Settings = dict[str | int, _Setting]


@dataclass
class _Subnet:
    """A subnet on its way, with the settings that hold in it."""

    at: str
    network: Network
    settings: _Settings = field(default_factory=dict)
    pools: list[_Pool] = field(default_factory=list)
    interface: str = ""
    wire: Network | None = None


@dataclass
class _Pool:
    ranges: list[Range] = field(default_factory=list)
    known_only: bool = False

    def is_in(self, subnet: _Subnet) -> bool:
        """Whether its first range is in the subnet."""
        return any(found.first in subnet.network for found in self.ranges[:1])


@dataclass
class _Shared:
    """A shared network: the subnets on one wire."""

    subnets: list[_Subnet] = field(default_factory=list)
    interface: str = ""


@dataclass
class _Place:
    """Where a statement stands, and what holds there."""

    kind: str
    settings: _Settings = field(default_factory=dict)
    subnet: _Subnet | None = None
    shared: _Shared | None = None
    pool: _Pool | None = None
    host: _Host | None = None

    def add(self, pool: _Pool) -> None:
        """Give a pool to its subnet; in a shared network, to the one that holds its first
        range."""
        subnets: list[_Subnet | None] = [self.subnet]
        if self.subnet is None and self.shared:
            subnets = [*filter(pool.is_in, self.shared.subnets)]
        for subnet in filter(None, subnets):
            subnet.pools.append(pool)

    def inner(self, kind: str, **what: Any) -> _Place:
        inherited = {"subnet": self.subnet, "shared": self.shared, "pool": self.pool}
        return _Place(kind, dict(self.settings), **{**inherited, **what})


@dataclass
class _Host:
    """A host declaration on its way."""

    at: str
    name: str
    mac: str | None = None
    duid: str = ""
    addresses: list[Address] = field(default_factory=list)

    def machine(self) -> Machine:
        return reservation(self.at, self.name, self.addresses, self.mac, self.duid)


class _Configuration:
    """What the statements of one file, and of those that it includes, have said."""

    def __init__(self, source: Source, version: int) -> None:
        self.source = source
        self.version = version
        self.definitions: dict[str, Definition] = {}
        self.spaces = set(_SPACES)
        self.constant: set[str] = set()  # classes that compare nothing of the machine
        self.subnets: list[_Subnet] = []
        self.hosts: list[_Host] = []
        self.left_out: list[LeftOut] = []
        self.settings: dict[int, _Setting] = {}  # all of them
        self.taken: set[int] = set()  # those that a subnet has taken

    def statements(self, name: str, depth: int = 0) -> Iterator[Statement]:
        """The statements of a file, those of included files in their places."""
        for statement in parse(self.source, name):
            if statement.keyword == "include":
                yield from self._included(statement, name, depth)
            else:
                yield statement

    def _included(self, statement: Statement, name: str, depth: int) -> Iterator[Statement]:
        if depth == DEEPEST:
            raise statement.wrong(_("The files include each other too deeply."))
        inner = self.source.resolve("".join(statement.texts), name)
        if inner is None:
            self.leave(statement, _("This file is not among those that were given."))
        else:
            yield from self.statements(inner, depth + 1)

    def leave(self, statement: Statement, reason: object) -> None:
        self.left_out.append(LeftOut(statement.at, str(statement)[:200], str(reason)))

    # --- blocks ---

    def block(self, statements: Iterable[Statement], place: _Place) -> None:
        """First what holds in the block, then the blocks within it."""
        inner = []
        for statement in statements:
            checks.check_place(statement, place.kind)
            if statement.keyword in _DECLARATIONS:
                inner.append(statement)
            else:
                _PARAMETERS.get(statement.keyword, _Configuration._other)(self, statement, place)
        for statement in inner:
            _DECLARATIONS[statement.keyword](self, statement, place)

    def _other(self, statement: Statement, place: _Place) -> None:
        self.leave(statement, _("The ledger has no place for this."))

    def _class(self, statement: Statement, place: _Place) -> None:
        for inner in statement.inner:
            if _CONSTANT.fullmatch(str(inner)):
                self.constant.update(statement.texts[:1])
        self._other(statement, place)

    def _subclass(self, statement: Statement, place: _Place) -> None:
        if statement.texts[0] in self.constant:
            raise statement.wrong(_("The condition of the class is constant."))
        self._other(statement, place)

    def _number(self, statement: Statement, place: _Place) -> None:
        seconds = statement.only
        if not seconds.isdecimal():
            raise statement.wrong(_("A number of seconds is expected."))
        if statement.keyword == "default-lease-time":
            self._set(statement, place, facts.LEASE_TIME, seconds)
        else:
            self._other(statement, place)

    def _value(self, statement: Statement, place: _Place) -> None:
        self._set(statement, place, _KEYS[statement.keyword], statement.only)

    def _set(
        self, statement: Statement, place: _Place, key: str | int, value: str, kind: str = ""
    ) -> None:
        fact = Fact(statement.at, str(statement), key, value, kind)
        place.settings[key] = self.settings[id(statement)] = _Setting(statement, fact)

    def _permit(self, statement: Statement, place: _Place) -> None:
        """`deny unknown-clients` and `allow known clients` say the same."""
        said = "-".join([_PERMITS[statement.keyword], *statement.texts])
        if place.pool:
            self._permit_in_pool(statement, place.pool, said)
        elif said in _KNOWN_ONLY:
            self._set(statement, place, facts.KNOWN_ONLY, _KNOWN_ONLY[said])
        else:
            self._other(statement, place)

    def _permit_in_pool(self, statement: Statement, pool: _Pool, said: str) -> None:
        if said in _KNOWN_ONLY_IN_POOL:
            pool.known_only = _KNOWN_ONLY_IN_POOL[said]
        else:
            self.leave(statement, _("Every machine may get an address of this pool."))

    def _interface(self, statement: Statement, place: _Place) -> None:
        holder: Any = getattr(place, _HOLDERS[place.kind])
        if holder.interface:
            raise statement.wrong(_("A subnet has one interface."))
        holder.interface = statement.only

    # --- options ---

    def _option(self, statement: Statement, place: _Place) -> None:
        text = str(statement)
        for pattern, read in _OPTION_FORMS.items():
            if pattern.match(text):
                read(self, statement, place)
                return
        raise statement.wrong(_("An option needs a name."))

    def _option_space(self, statement: Statement, place: _Place) -> None:
        self.spaces.add(statement.texts[1])

    def _option_definition(self, statement: Statement, place: _Place) -> None:
        name, definition = options.defined(statement, self.version)
        self.definitions[name] = definition

    def _option_computed(self, statement: Statement, place: _Place) -> None:
        self._definition(statement, statement.texts[0])
        self.leave(statement, _("A computed value cannot be kept."))

    def _option_value(self, statement: Statement, place: _Place) -> None:
        name, *words = statement.values
        definition = self._definition(statement, name.text)
        try:
            value = options.TYPES[definition.type](words)
            definition.check_space(_SPACE[self.version])
        except Unkept as reason:
            self.leave(statement, reason)
            return
        except ValueError as error:
            raise statement.wrong(error) from error
        kind = options.kind_of(definition, words)
        self._set(statement, place, definition.number, value, kind)

    def _definition(self, statement: Statement, name: str) -> Definition:
        """Its number and type. Raises BadInput for an unknown one."""
        space, _dot, bare = name.rpartition(".")
        known = _TABLES.get(space, {}) | self.definitions
        for key in (name, bare):
            if key in known:
                return known[key]
        if space in self.spaces:
            return _OF_ANOTHER_SPACE
        raise statement.wrong(_("There is no option %s.") % name)

    # --- declarations ---

    def _group(self, statement: Statement, place: _Place) -> None:
        self.block(statement.inner, place.inner(GROUP))

    def _shared(self, statement: Statement, place: _Place) -> None:
        shared = _Shared()
        self.block(statement.inner, place.inner(SHARED, shared=shared))
        for subnet in shared.subnets:
            subnet.interface = subnet.interface or shared.interface
        for subnet in shared.subnets[1:]:
            subnet.wire = shared.subnets[0].network

    def _subnet(self, statement: Statement, place: _Place) -> None:
        subnet = _Subnet(statement.at, _network(statement))
        self.subnets.append(subnet)
        if place.shared:
            place.shared.subnets.append(subnet)
        inside = place.inner(SUBNET, subnet=subnet)
        subnet.settings = inside.settings
        self.block(statement.inner, inside)

    def _pool(self, statement: Statement, place: _Place) -> None:
        pool = _Pool()
        self.block(statement.inner, place.inner(POOL, pool=pool))
        place.add(pool)

    def _range(self, statement: Statement, place: _Place) -> None:
        found = _range_of(statement)
        if "temporary" in statement.texts:
            self.leave(statement, _("There are no pools of temporary addresses."))
        elif place.pool:
            place.pool.ranges.append(found)
        else:
            place.add(_Pool([found]))

    def _prefix(self, statement: Statement, place: _Place) -> None:
        length = "".join(statement.texts).rpartition("/")[2]
        if length not in _PREFIX_LENGTHS:
            raise statement.wrong(_("A prefix has 1 to 127 bits."))
        self.leave(statement, _("dnsmasq does not delegate prefixes."))

    def _host(self, statement: Statement, place: _Place) -> None:
        host = _Host(statement.at, "".join(statement.texts))
        self.hosts.append(host)
        inside = place.inner(HOST, host=host)
        inside.settings = {}
        self.block(statement.inner, inside)
        if name := inside.settings.get(_HOST_NAME):
            host.name = name.fact.value
            self.taken.add(id(name.statement))

    def _hardware(self, statement: Statement, place: _Place) -> None:
        assert place.host is not None
        texts = statement.texts
        if texts[:1] != ["ethernet"]:
            self.leave(statement, _("Only Ethernet cards have a reservation."))
            return
        with placed(statement.at):
            place.host.mac = mac_of(" ".join(texts[1:]))

    def _fixed(self, statement: Statement, place: _Place) -> None:
        assert place.host is not None
        for text in statement.texts:
            if _HOST.fullmatch(text):
                self.leave(statement, _("The name %s is not resolved; enter its address.") % text)
                continue
            with placed(statement.at):
                place.host.addresses.append(parse_address(text))

    def _identifier(self, statement: Statement, place: _Place) -> None:
        assert place.host is not None
        option, _blank, value = " ".join(statement.texts).rpartition(" ")
        if option == "option dhcp6.client-id":
            place.host.duid = whole_bytes(value)
        else:
            self.leave(statement, _("A machine is known by its MAC address or its DUID only."))

    # --- records ---

    def records(self) -> Iterator[Record]:
        """What was found: subnets, machines, and what has no place."""
        for subnet in self.subnets:
            yield from self._records_of(subnet)
        yield from merged(host.machine() for host in self.hosts)
        for key in self.settings.keys() - self.taken:
            statement = self.settings[key].statement
            self.leave(statement, _("The ledger keeps options by subnet only."))
        yield from self.left_out

    def _records_of(self, subnet: _Subnet) -> Iterator[Record]:
        found = SubnetFacts(subnet.at, subnet.network, _LEASE_TIME)
        for setting in subnet.settings.values():
            self.taken.add(id(setting.statement))
            found.take(setting.fact)
        known = {pool.known_only for pool in subnet.pools}
        if known == {True}:
            found.scope["known_only"] = True
        found.scope |= {"interface": subnet.interface, "wire": subnet.wire}
        yield from found.records()
        for pool in subnet.pools:
            yield from pool.ranges


_OPTION_FORMS = {
    re.compile(r"option space \S"): _Configuration._option_space,
    re.compile(r"option \S+ code \S+ = \S"): _Configuration._option_definition,
    re.compile(r"option \S+ = "): _Configuration._option_computed,
    re.compile(r"option \S"): _Configuration._option_value,
}
_SPACE = {4: "dhcp", 6: "dhcp6"}
_OF_ANOTHER_SPACE = Definition(0, "other")
_TABLES = {"": options.KNOWN[4], "dhcp": options.KNOWN[4], "dhcp6": options.KNOWN[6]}
_Handler = Callable[[_Configuration, Statement, _Place], None]
_PARAMETERS: dict[str, _Handler] = {
    "option": _Configuration._option,
    "class": _Configuration._class,
    "subclass": _Configuration._subclass,
    "next-server": _Configuration._value,
    "filename": _Configuration._value,
    "interface": _Configuration._interface,
    "hardware": _Configuration._hardware,
    "fixed-address": _Configuration._fixed,
    "fixed-address6": _Configuration._fixed,
    "host-identifier": _Configuration._identifier,
    **dict.fromkeys(("allow", "deny", "ignore"), _Configuration._permit),
    **dict.fromkeys(_NUMBERS, _Configuration._number),
}
_DECLARATIONS: dict[str, _Handler] = {
    "group": _Configuration._group,
    "shared-network": _Configuration._shared,
    "subnet": _Configuration._subnet,
    "subnet6": _Configuration._subnet,
    "pool": _Configuration._pool,
    "pool6": _Configuration._pool,
    "range": _Configuration._range,
    "range6": _Configuration._range,
    "prefix6": _Configuration._prefix,
    "host": _Configuration._host,
}


def _network(statement: Statement) -> Network:
    """`10.0.0.0 netmask 255.255.255.0`, or a prefix. Raises BadInput."""
    text = " ".join(statement.texts)
    if not _NETWORKS[statement.keyword].fullmatch(text):
        raise statement.wrong(_("“%s” is not a network with its length.") % text)
    with placed(statement.at):
        return ipaddress.ip_network(text.replace(" netmask ", "/").replace(" ", ""))


def _range_of(statement: Statement) -> Range:
    texts = list(filterfalse(_RANGE_WORDS.__contains__, statement.texts))
    with placed(statement.at):
        first, last = range_of(texts)
    return Range(statement.at, first, last, "dhcp")
