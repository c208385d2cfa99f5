"""`dhcp-range` lines. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _

from importers.readers.dnsmasq.words import Setting, lease_time
from importers.records import LeftOut, Range
from importers.source import placed
from ipam.addresses import Address, Network, parse_range

_MODES_WITHOUT_POOL = ("static", "proxy", "ra-only", "ra-stateless")
_ADVERTISES = {"slaac": "slaac", "ra-names": "slaac", "ra-only": "", "ra-stateless": ""}
_OTHER_MODES = ("off-link", "ra-advrouter")
ASSUMED = 24  # bits, where a line has no netmask


@dataclass
class RangeLine:
    """What the parts of a line have said."""

    setting: Setting
    sets: set[str] = field(default_factory=set)
    known_only: bool = False
    addresses: list[Address] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    length: int | None = None  # of an IPv6 prefix
    lease_time: int | None = None
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def first(self) -> Address:
        return self.addresses[0]

    @property
    def network(self) -> Network:
        """The network around it; without a netmask, a /24 or a /64. Raises BadInput."""
        bits: object = self.length or 64
        if self.first.version == 4:
            bits = self._netmask() or ASSUMED
        with placed(self.setting.at):
            return ipaddress.ip_network(f"{self.first}/{bits}", strict=False)

    def _netmask(self) -> Address | None:
        place = 1 + (not self._has_no_end)
        return self.addresses[place] if len(self.addresses) > place else None

    @property
    def _has_no_end(self) -> bool:
        return bool(set(self.modes) & set(_MODES_WITHOUT_POOL)) or len(self.addresses) == 1

    @property
    def scope(self) -> dict[str, Any]:
        """What it says of the scope."""
        said = {"lease_time": self.lease_time, "advertises": self.advertises}
        if self.last:
            said["known_only"] = self.known_only
        return {name: value for name, value in said.items() if value}

    def pools(self) -> Iterator[Range]:
        """Its pool, if it has one."""
        if self.last:
            yield Range(self.setting.at, self.first, self.last, "dhcp")

    @property
    def is_assumed(self) -> bool:
        return self.first.version == 4 and self._netmask() is None

    @property
    def last(self) -> Address | None:
        """The end of the pool; None where only reservations are served."""
        return None if self._has_no_end else self.addresses[1]

    @property
    def advertises(self) -> str:
        """How the router advertisement is sent, as a scope has it."""
        return max(map(_ADVERTISES.__getitem__, _ADVERTISES.keys() & self.modes), default="")

    def leave(self, part: str, reason: object) -> None:
        what = f"{self.setting.text}: {part}"
        self.left_out.append(LeftOut(self.setting.at, what[:200], str(reason)))


def read(setting: Setting) -> RangeLine:
    """Raises BadInput."""
    line = RangeLine(setting)
    for part in filter(None, setting.parts):
        _take(line, part)
    if not line.addresses:
        raise setting.wrong(_("A dhcp-range needs its first address."))
    for pool in line.pools():
        with placed(setting.at):
            parse_range(f"{pool.first}-{pool.last}")
        facts = {"last": pool.last, "network": line.network}
        if pool.last not in line.network:
            raise setting.wrong(_("%(last)s is not in %(network)s.") % facts)
    return line


def _take(line: RangeLine, part: str) -> None:
    for pattern, take in _PARTS.items():
        if pattern.fullmatch(part):
            take(line, part)
            return
    raise line.setting.wrong(_("“%s” is no part of a dhcp-range.") % part[:60])


def _take_address(line: RangeLine, part: str) -> None:
    with placed(line.setting.at):
        line.addresses.append(ipaddress.ip_address(part.strip("[]")))


def _take_mode(line: RangeLine, part: str) -> None:
    line.modes.append(part)


def _take_number(line: RangeLine, part: str) -> None:
    """A length up to 128 behind IPv6 addresses, else a lease time."""
    is_length = _LENGTH.fullmatch(part) and line.length is None
    if is_length and 6 in map(attrgetter("version"), line.addresses):
        line.length = int(part)
    else:
        line.lease_time = lease_time(part)


def _set(line: RangeLine, part: str) -> None:
    line.sets.add(part.partition(":")[2])


def _known(line: RangeLine, part: str) -> None:
    line.known_only = True


def _tag(line: RangeLine, part: str) -> None:
    line.leave(part, _("Every machine may get an address of this pool."))


def _constructor(line: RangeLine, part: str) -> None:
    line.leave(part, _("A prefix that an interface gives cannot be kept."))


_LENGTH = re.compile(r"12[0-8]|1[01][0-9]|[0-9]{1,2}")
_MODES = "|".join((*_MODES_WITHOUT_POOL, *_ADVERTISES, *_OTHER_MODES))
_PARTS = {
    re.compile("tag:known"): _known,
    re.compile("tag:.+"): _tag,
    re.compile("(set|net):.+"): _set,
    re.compile("constructor:.+"): _constructor,
    re.compile(_MODES): _take_mode,
    re.compile(r"[0-9]+[smhdw]?|infinite|deprecated"): _take_number,
    re.compile(r"[0-9a-fA-F:.\[\]]+"): _take_address,
}
