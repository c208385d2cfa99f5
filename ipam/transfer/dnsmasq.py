"""Read reservations as dnsmasq writes them: `dhcp-host=MAC,IP,NAME` lines of a configuration, or
the same without `dhcp-host=`, as in a dhcp-hostsfile (dnsmasq(8), --dhcp-host).

What a server of the ledger does not have is named in a notice, or makes its row bad where leaving
it out would change which machine gets the address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from django.utils.translation import gettext as _

from ipam import addresses
from ipam.transfer.sheet import Cells, Layout, Sheet

COLUMNS = ("mac_address", "ip_address", "hostname", "enabled", "when_disabled")
MOST_LINES = 10  # that a notice names

_DIRECTIVE = re.compile(r"dhcp-host\s*=\s*", re.IGNORECASE)
# With the directive, or without: then a comma comes before any `=`.
_RESERVATION = re.compile(rf"(?:{_DIRECTIVE.pattern}|(?=[^=,]*,))(.*)", re.IGNORECASE | re.DOTALL)
_FIRST_WORD = re.compile(r"[a-z0-9-]+|.{1,20}", re.IGNORECASE)
_LEASE = re.compile(r"\d+[smhdw]?|infinite", re.IGNORECASE)
_TAG = re.compile(r"(set|tag|net):", re.IGNORECASE)
_CARD = re.compile(r"(\d+-)?([0-9a-f*]{1,2}[:-]){2,}[0-9a-f*:-]*", re.IGNORECASE)


def is_dnsmasq(start: str) -> bool:
    """Whether a file that begins so holds reservations: its first line that says something is one,
    or begins with a MAC address."""
    line = next(_said(start.splitlines()), "")
    first, comma, _rest = line.partition(",")
    return bool(_DIRECTIVE.match(line)) or (bool(comma) and _is_mac(first.strip()))


def read_reservations(text: TextIO, layout: Layout, notices: list[str]) -> Sheet:
    """The reservations as rows. The notices are complete when all rows have been read."""
    columns = [layout.named(name) for name in COLUMNS]
    return Sheet([*columns], _rows(text, notices), notices)


def _said(lines: Iterable[str]) -> Iterator[str]:
    """The lines without comments and blanks, empty where nothing is left."""
    for line in lines:
        said = re.sub(r"(^|\s)#.*", "", line).strip().lstrip("\ufeff")
        if said:
            yield said


def _rows(text: TextIO, notices: list[str]) -> Iterator[Cells]:
    left_out: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(text, start=1):
        for said in _said([line]):
            reservation = _RESERVATION.fullmatch(said)
            if reservation:
                yield _reservation(number, reservation[1], left_out)
            else:
                left_out[_FIRST_WORD.findall(said)[0]].append(number)
    for name, numbers in left_out.items():
        notices.append(_notice(name, numbers))


def _reservation(number: int, text: str, left_out: dict[str, list[int]]) -> Cells:
    """One line as the cells of COLUMNS."""
    found: dict[str, list[str]] = defaultdict(list)
    for part in map(str.strip, text.split(",")):
        found[_kind(part)].append(part)
    found["ip_address"] = [part.strip("[]") for part in found["ip_address"]]
    for kind, name in _LEFT_OUT.items():
        if found[kind] not in ([], ["infinite"]):
            left_out[name].append(number)
    faults = [
        (name, _("The line names several: %s.") % ", ".join(found[name]))
        for name in COLUMNS
        if len(found[name]) > 1
    ]
    if found["id"]:
        text = _("“%s”: a server is known by its MAC.")
        faults.append(("mac_address", text % found["id"][0]))
    texts = ["".join(found[name][:1]) for name in COLUMNS[:3]]
    blocked = ["no", "ignored"] if found["ignore"] else ["", ""]
    return Cells(number, [*texts, *blocked], tuple(faults))


_LEFT_OUT = {"tag": "set:", "lease": "lease time"}


def _kind(part: str) -> str:
    """What a part of the line says."""
    for kind, is_kind in _KINDS:
        if is_kind(part):
            return kind
    return "hostname"


def _is(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(part: str) -> bool:
        try:
            parse(part)
        except ValueError:
            return False
        return True

    return check


_is_mac = _is(addresses.parse_mac)
_is_address = _is(addresses.parse_address)
_KINDS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("nothing", lambda part: not part),
    ("id", lambda part: part.lower().startswith("id:")),
    ("tag", _TAG.match),
    ("ignore", lambda part: part.lower() == "ignore"),
    ("ip_address", lambda part: _is_address(part.strip("[]"))),
    ("mac_address", lambda part: _is_mac(part) or _CARD.fullmatch(part)),
    ("lease", _LEASE.fullmatch),
)


def _notice(name: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:MOST_LINES]))
    if len(numbers) > MOST_LINES:
        shown += ", …"
    if name == "lease time":
        return _("Lease times are left out; the scope of the subnet has one (lines %s).") % shown
    if name == "set:":
        return _("Tags are left out (lines %s).") % shown
    return _("“%(name)s” is not a reservation and is left out (lines %(lines)s).") % {
        "name": name,
        "lines": shown,
    }
