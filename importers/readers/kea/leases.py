"""Kea's lease files (memfile CSV) and lease dumps as records. Of several lines for one address, the
last counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from dhcp.leases.lease_file import FOREVER, mac_of_duid
from importers.readers.machines import mac_of
from importers.records import Lease, LeftOut, Record
from importers.source import BadInput, Line, Source
from ipam.addresses import Address, parse_address

_ESCAPED = re.compile(r"&#x([0-9a-fA-F]{2})")
_NEEDED = {"address", "valid_lifetime", "expire", "state"}
_OVER = {"1": "declined", "2": "expired", "3": "released", "4": "registered"}
_NO_END = {"4294967295", "-1"}
_PREFIX = "2"  # the type of a delegated prefix


def read(source: Source, name: str) -> Iterator[Record]:
    """Raises BadInput."""
    found: dict[Address, Record] = {}
    for ip, record in _records(source.lines(name)):
        found.pop(ip, None)
        found[ip] = record
    yield from found.values()


def _records(lines: Iterator[Line]) -> Iterator[tuple[Address, Record]]:
    head = next(lines)
    columns = head.text.strip().split(",")
    if not set(columns) >= _NEEDED:
        raise BadInput(head.at, _("The heading of a lease file of Kea is missing."))
    for line in lines:
        cells = line.text.strip().split(",")
        if cells == [""]:
            continue
        # Older versions have fewer columns at the end.
        if len(cells) < len(columns) - 2 or not _NEEDED.issubset(columns[: len(cells)]):
            raise BadInput(line.at, _("The line has %d cells only.") % len(cells))
        texts = [_ESCAPED.sub(_letter, cell) for cell in cells]
        yield _record(line, dict(zip(columns, texts, strict=False)))


def _letter(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _record(line: Line, cells: dict[str, str]) -> tuple[Address, Record]:
    try:
        ip = parse_address(cells["address"])
        until = _end(cells["expire"])
    except ValueError as error:
        raise BadInput(line.at, error) from error
    if reason := _reason_against(cells):
        return ip, LeftOut(line.at, line.text[:200], reason)
    duid = cells.get("duid", "").lower()
    mac = _mac(cells.get("hwaddr", "")) or mac_of_duid(duid)
    return ip, Lease(line.at, ip, until, mac, cells.get("hostname", "").rstrip("."), duid)


def _reason_against(cells: dict[str, str]) -> str:
    if cells.get("lease_type") == _PREFIX:
        return _("Delegated prefixes have no place in the ledger.")
    if cells["valid_lifetime"] == "0":
        return _("The lease is over: %s.") % "deleted"
    state = cells.get("state", "")
    if state in _OVER:
        return _("The lease is over: %s.") % _OVER[state]
    return ""


def _end(text: str) -> datetime:
    if text in _NO_END:
        return FOREVER
    if not text.isdecimal() or int(text) > FOREVER.timestamp():
        raise ValueError(_("“%s” is not a time.") % text[:60])
    return datetime.fromtimestamp(int(text), UTC)


def _mac(text: str) -> str | None:
    """None for what is no Ethernet address."""
    try:
        return mac_of(text)
    except ValueError:
        return None
