"""`dhcp-host` lines, which a dhcp-hostsfile has without their key. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from importers.readers.dnsmasq.words import Setting, lease_time
from importers.readers.machines import mac_of, reservation
from importers.records import Card, LeftOut, Machine
from importers.source import placed
from ipam.addresses import Address, parse_address

_MAC = re.compile(
    r"(?:(?P<type>[0-9a-fA-F]{1,2})-)?(?P<mac>[0-9a-fA-F*]{1,2}(?::[0-9a-fA-F*]{1,2}){5})"
)
_ADDRESS = re.compile(r"\[(?!::)[^\]]+\]|[0-9]+(\.[0-9]+){3}")
_DUID = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){2,}")
_IGNORED: dict[bool, dict[str, Any]] = {
    True: {"enabled": False, "when_disabled": "ignored"},
    False: {},
}
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


@dataclass
class HostLine:
    """What the parts of a line have said."""

    setting: Setting
    name: str = ""
    macs: list[str] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    duid: str = ""
    is_ignored: bool = False
    left_out: list[LeftOut] = field(default_factory=list)

    def leave(self, part: str, reason: object) -> None:
        what = f"{self.setting.text}: {part}"
        self.left_out.append(LeftOut(self.setting.at, what[:200], str(reason)))

    def machine(self) -> Machine:
        """The machine of the line; its further MAC addresses are cards of it."""
        first = next(iter(self.macs), None)
        found = reservation(self.setting.at, self.name, self.addresses, first, self.duid)
        cards = list(found.cards)
        for mac in self.macs[1:]:
            cards.append(Card(self.setting.at, f"net{len(cards) + 2}", mac))
        return replace(found, cards=tuple(cards), **_IGNORED[self.is_ignored])


def read(setting: Setting) -> HostLine:
    """Raises BadInput."""
    line = HostLine(setting)
    for part in filter(None, setting.parts):
        _take(line, part)
    return line


def _take(line: HostLine, part: str) -> None:
    for is_this, take in _PARTS:
        if is_this(part):
            take(line, part)
            return
    raise line.setting.wrong(_("“%s” is no part of a dhcp-host line.") % part[:60])


def _mac(line: HostLine, part: str) -> None:
    found = _MAC.fullmatch(part)
    assert found
    if "*" in part or found["type"] not in (None, "1", "01"):
        line.leave(part, _("Only whole MAC addresses of Ethernet cards have a reservation."))
        return
    with placed(line.setting.at):
        line.macs.append(mac_of(found["mac"]))


def _identifier(line: HostLine, part: str) -> None:
    text = part.removeprefix("id:")
    if _DUID.fullmatch(text) and "[" in line.setting.value:
        line.duid = text.lower()
    else:
        line.leave(part, _("A machine is known by its MAC address or its DUID only."))


def _address(line: HostLine, part: str) -> None:
    with placed(line.setting.at):
        line.addresses.append(parse_address(part.strip("[]")))


def _suffix(line: HostLine, part: str) -> None:
    line.leave(part, _("An address without its prefix cannot be kept."))


def _tag(line: HostLine, part: str) -> None:
    line.leave(part, _("The ledger has no tags; it keeps options by subnet only."))


def _ignore(line: HostLine, part: str) -> None:
    line.is_ignored = True


def _time(line: HostLine, part: str) -> None:
    line.leave(part, _("A single machine has no lease time of its own."))


def _name(line: HostLine, part: str) -> None:
    line.name = part


_Test = Callable[[str], object]
_PARTS: list[tuple[_Test, Callable[[HostLine, str], None]]] = [
    (_MAC.fullmatch, _mac),
    (lambda part: part.startswith("id:"), _identifier),
    (lambda part: part.startswith(("set:", "tag:", "net:")), _tag),
    (_ADDRESS.fullmatch, _address),
    (lambda part: part.startswith("[::"), _suffix),
    (lambda part: part == "ignore", _ignore),
    (lambda part: lease_time(part) is not None, _time),
    (_NAME.fullmatch, _name),
]
