"""dnsmasq's configuration as records, with the files and directories that it names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, filterfalse, product
from operator import attrgetter

from django.utils.translation import gettext as _

from dhcp import options
from importers.readers import facts, hosts_table
from importers.readers.dnsmasq import hosts, ranges
from importers.readers.dnsmasq.ranges import RangeLine
from importers.readers.dnsmasq.words import Setting, setting, without_comment
from importers.readers.facts import Fact, SubnetFacts
from importers.readers.machines import merged
from importers.records import LeftOut, Machine, Name, Record
from importers.source import MOST_FILES, BadInput, Line, Source, placed
from ipam.addresses import Address, Network

_HOST_LINE = re.compile(r"(id:|set:|tag:|[0-9a-fA-F*]{2}[:-]|[0-9.]+,|\[)")
_OPTION_LINE = re.compile(r"(tag:|option6?:|[0-9]+,)")
_TABLE_LINE = re.compile(r"[0-9a-fA-F:.]+\s+[A-Za-z0-9_]")
_LEASE_TIME = 3600  # seconds, where a range says none
_FILLED_IN = ("", str(ipaddress.IPv4Address(0)), str(ipaddress.IPv6Address(0)))
_WIDTH = re.compile(r"^(-?[0-9]+)[bsi]$")  # of a number
_OPTION = re.compile(
    r"(option(?P<six>6?):(?P<name>[A-Za-z0-9+-]+)|(?P<number>[0-9]+))(,\s*(?P<value>.*)|)"
)
_VERSIONS = {"6": 6, "": 4, None: 4}
_TAG = re.compile(r"tag:([^,]*),")
_ANYTHING = re.compile(r"\*").match
_BRACKETS = str.maketrans("", "", "[] ")


def read(source: Source) -> Iterator[Record]:
    """The records of configurations and of the files that they name. Raises BadInput."""
    configuration = _Configuration(source)
    for name in source.names:
        configuration.file(name)
    yield from configuration.records()


@dataclass
class _Option:
    """A `dhcp-option` line."""

    fact: Fact
    version: int
    tags: frozenset[str]
    is_taken: bool = False

    def is_for(self, version: int, sets: set[str]) -> bool:
        return self.version == version and self.tags <= sets


def _number_of_tags(option: _Option) -> int:
    return len(option.tags)


@dataclass
class _Configuration:
    """What all lines have said."""

    source: Source
    machines: list[Machine] = field(default_factory=list)
    ranges: list[RangeLine] = field(default_factory=list)
    options: list[_Option] = field(default_factory=list)
    domains: list[tuple[Network | None, str]] = field(default_factory=list)
    shared: list[tuple[Address, Address]] = field(default_factory=list)
    others: list[Record] = field(default_factory=list)
    read_files: set[str] = field(default_factory=set)

    # --- files ---

    def file(self, name: str) -> None:
        """A file of the source, by what its first line is; one that was read already is passed
        over."""
        first = map(without_comment, map(attrgetter("text"), self.source.lines(name)))
        self._once(name, _reader_of(next(filter(None, first), "")))

    def _once(self, name: str, read: _Read) -> None:
        """Read a file, unless it was read: so files that include each other come to an end."""
        if name in self.read_files:
            return
        self.read_files.add(name)
        if len(self.read_files) > MOST_FILES:
            raise BadInput(name, _("There are more than %d files.") % MOST_FILES)
        read(self, self.source.lines(name))

    def conf(self, lines: Iterable[Line]) -> None:
        for found in filter(None, map(setting, lines)):
            with placed(found.at):
                _SETTINGS.get(found.key, _Configuration._other)(self, found)

    def hosts(self, lines: Iterable[Line]) -> None:
        for found in _values(lines, "dhcp-host"):
            self._host(found)

    def opts(self, lines: Iterable[Line]) -> None:
        for found in _values(lines, "dhcp-option"):
            self._option(found)

    def table(self, lines: Iterable[Line]) -> None:
        self.others += hosts_table.records(lines)

    def _named(self, found: Setting, read: _Read) -> None:
        """A file that a setting names."""
        name = self.source.resolve(found.value, found.at.rpartition(":")[0])
        if name is None:
            self.leave(found, _("This file is not among those that were given."))
        else:
            self._once(name, read)

    def _conf_file(self, found: Setting) -> None:
        self._named(found, _Configuration.conf)

    def _hosts_file(self, found: Setting) -> None:
        self._each(found, _Configuration.hosts)

    def _opts_file(self, found: Setting) -> None:
        self._each(found, _Configuration.opts)

    def _table_file(self, found: Setting) -> None:
        self._each(found, _Configuration.table)

    def _each(self, found: Setting, read: _Read) -> None:
        """A file, or each file of a directory."""
        names = self.source.below(found.value)
        for name in names or [found.value]:
            self._named(replace(found, value=name), read)

    def _conf_dir(self, found: Setting) -> None:
        """`conf-dir=/etc/dnsmasq.d,*.conf` or `,.bak`, which leaves out."""
        folder, *patterns = found.parts
        only = list(filter(_ANYTHING, patterns))
        names = self.source.below(folder, only or ["*"])
        endings = tuple(filterfalse(_ANYTHING, patterns))
        for name in filterfalse(_is_passed_over(endings), names or [folder]):
            self._named(replace(found, value=name), _Configuration.conf)

    # --- settings ---

    def leave(self, found: Setting, reason: object) -> None:
        self.others.append(LeftOut(found.at, found.text[:200], str(reason)))

    def _other(self, found: Setting) -> None:
        self.leave(found, _("A setting of dnsmasq itself has no place in the ledger."))

    def _host(self, found: Setting) -> None:
        line = hosts.read(found)
        self.others += line.left_out
        self.machines.append(line.machine())

    def _range(self, found: Setting) -> None:
        line = ranges.read(found)
        if line.is_assumed:
            text = _("The line has no netmask: /%d is assumed.") % ranges.ASSUMED
            line.leave("", text)
        self.ranges.append(line)
        self.others += line.left_out

    def _option(self, found: Setting) -> None:
        tags, text = _tags(found.value)
        option = _OPTION.fullmatch(text)
        if option is None:
            self.leave(found, _("Only options by their number or name are kept."))
            return
        version = _VERSIONS[option["six"]]
        value = _WIDTH.sub(r"\1", (option["value"] or "").translate(_BRACKETS).strip('"'))
        try:
            fact = Fact(found.at, found.text, _key(option, version), value)
        except ValueError as error:
            self.leave(found, error)
            return
        if value in _FILLED_IN:
            self.leave(found, _("The value that dnsmasq fills in itself is not kept."))
        else:
            self.options.append(_Option(fact, version, tags))

    def _boot(self, found: Setting) -> None:
        """`dhcp-boot=[tag:x,]FILE[,NAME[,ADDRESS]]`."""
        tags, text = _tags(found.value)
        file, _name, server, *_rest = [*text.split(","), "", ""]
        for key, value in ((facts.BOOT_FILE, file), (facts.BOOT_SERVER, server)):
            fact = Fact(found.at, found.text, key, value)
            if value:
                self.options.append(_Option(fact, 4, tags))

    def _domain(self, found: Setting) -> None:
        """`domain=NAME[,NETWORK|FIRST,LAST][,local]`."""
        name, *rest = found.value.removesuffix(",local").split(",")
        networks: list[Network | None] = [None]
        try:
            networks = [*map(ipaddress.ip_network, rest)] or networks
        except ValueError:
            self.leave(found, _("A domain of a range of addresses cannot be kept."))
            return
        for network in networks:
            self.domains.append((network, name))

    def _shared_network(self, found: Setting) -> None:
        """`shared-network=ADDRESS,ADDRESS`: that of dnsmasq or a relay, and one of the subnet."""
        here, there = map(hosts_table.address, [*found.parts, ""][:2])
        if here and there:
            self.shared.append((here, there))
        else:
            self.leave(found, _("A shared network is kept by the address of dnsmasq there."))

    # --- names ---

    def _host_record(self, found: Setting) -> None:
        parts = list(filterfalse(str.isdecimal, found.parts))
        names = list(filterfalse(hosts_table.address, parts))
        for ip in map(hosts_table.address, parts):
            if ip:
                self.others += hosts_table.named(found.at, ip, names)

    def _cname(self, found: Setting) -> None:
        *aliases, target = [*filterfalse(str.isdecimal, found.parts)] or [""]
        for alias in aliases:
            self._name(found, alias, "CNAME", target)

    def _mx(self, found: Setting) -> None:
        name, *rest = found.parts
        missing = [name, "1"][len(rest) :]
        host, preference = [*rest, *missing][:2]
        self._name(found, name, "MX", f"{preference} {host}")

    def _srv(self, found: Setting) -> None:
        name, *rest = found.parts
        missing = ["", "1", "0", "0"][len(rest) :]
        host, port, priority, weight = [*rest, *missing][:4]
        self._name(found, name, "SRV", f"{priority} {weight} {port} {host}")

    def _txt(self, found: Setting) -> None:
        name, *texts = found.value.replace('"', "").split(",")
        self._name(found, name, "TXT", " ".join(texts))

    def _name(self, found: Setting, name: str, kind: str, value: str) -> None:
        self.others.append(Name(found.at, name.lower().rstrip("."), kind, value.rstrip(".")))

    # --- records ---

    def records(self) -> Iterator[Record]:
        for network, lines in self._by_network().items():
            yield from self._subnet(network, lines)
        reason = _("No range of this configuration has it.")
        for option in filterfalse(attrgetter("is_taken"), self.options):
            yield LeftOut(option.fact.at, option.fact.what[:200], reason)
        yield from merged(self.machines)
        yield from self.others

    def _by_network(self) -> dict[Network, list[RangeLine]]:
        found: dict[Network, list[RangeLine]] = {}
        for line in self.ranges:
            found.setdefault(line.network, []).append(line)
        return found

    def _subnet(self, network: Network, lines: list[RangeLine]) -> Iterator[Record]:
        subnet = SubnetFacts(lines[0].setting.at, network, _LEASE_TIME)
        for line in lines:
            subnet.scope |= line.scope
        for inside, name in self.domains:
            if inside in (None, network):
                subnet.net["domain"] = name
        self._share_wire(subnet)
        self._take_options(subnet, lines)
        yield from subnet.records()
        for line in lines:
            yield from line.pools()

    def _share_wire(self, subnet: SubnetFacts) -> None:
        for (here, there), network in product(self.shared, self._by_network()):
            if there in subnet.network and here in network:
                subnet.scope |= {"wire": network, "wire_address": here}

    def _take_options(self, subnet: SubnetFacts, lines: list[RangeLine]) -> None:
        """Options without a tag hold everywhere; those with tags where a range sets them."""
        sets = set(chain.from_iterable(map(attrgetter("sets"), lines)))
        for option in sorted(self.options, key=_number_of_tags):
            if option.is_for(subnet.network.version, sets):
                option.is_taken = True
                subnet.take(option.fact)


def _values(lines: Iterable[Line], key: str) -> Iterator[Setting]:
    """The lines of a file that has values of one key only."""
    for line in lines:
        text = without_comment(line.text).removeprefix(f"{key}=")
        if text:
            yield Setting(line.at, key, text)


def _key(name: re.Match[str], version: int) -> str | int:
    """The number of an option, or the parameter that dnsmasq calls an option. Raises
    ValueError."""
    if name["name"] == "server-ip-address":
        return facts.BOOT_SERVER
    return int(name["number"] or options.number_of(name["name"], version))


def _tags(text: str) -> tuple[frozenset[str], str]:
    """The tags in front, and what follows."""
    return frozenset(_TAG.findall(text)), _TAG.sub("", text)


def _is_passed_over(endings: tuple[str, ...]) -> Callable[[str], object]:
    """Which files of a directory dnsmasq passes over: hidden ones, copies of editors, and those
    with one of the endings."""
    pattern = re.compile(rf"(.*/)?([.#].*|.*({'|'.join(map(re.escape, (*endings, '~')))}))")
    return pattern.fullmatch


def _reader_of(first: str) -> _Read:
    """What a file is, by its first line that says something."""
    for pattern, read in _KINDS.items():
        if pattern.match(first):
            return read
    return _Configuration.conf


_Read = Callable[[_Configuration, Iterable[Line]], None]
_KINDS = {
    _TABLE_LINE: _Configuration.table,
    _OPTION_LINE: _Configuration.opts,
    _HOST_LINE: _Configuration.hosts,
}
_SETTINGS: dict[str, Callable[[_Configuration, Setting], None]] = {
    "conf-file": _Configuration._conf_file,
    "conf-dir": _Configuration._conf_dir,
    "dhcp-hostsfile": _Configuration._hosts_file,
    "dhcp-hostsdir": _Configuration._hosts_file,
    "dhcp-optsfile": _Configuration._opts_file,
    "dhcp-optsdir": _Configuration._opts_file,
    "addn-hosts": _Configuration._table_file,
    "hostsdir": _Configuration._table_file,
    "dhcp-host": _Configuration._host,
    "dhcp-range": _Configuration._range,
    "dhcp-option": _Configuration._option,
    "dhcp-option-force": _Configuration._option,
    "dhcp-boot": _Configuration._boot,
    "domain": _Configuration._domain,
    "shared-network": _Configuration._shared_network,
    "host-record": _Configuration._host_record,
    "cname": _Configuration._cname,
    "mx-host": _Configuration._mx,
    "srv-host": _Configuration._srv,
    "txt-record": _Configuration._txt,
}
