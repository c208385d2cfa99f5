"""Who held an address by the ledger, and from when until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ipam.addresses import Address
from ipam.models import IPAddress

MOST_LINES = 200  # that one answer reads on each side of the moment


@dataclass(frozen=True)
class Holding:
    """Somebody held the address. `since` and `until` are None where nobody knows, or while it
    lasts; `line` names the line of the log with which it began."""

    kind: str  # server, vm, allocation, reservation or quarantine
    name: str
    mac_address: str | None
    server: int | None
    row: int
    since: datetime | None
    until: datetime | None
    line: str

    @property
    def holder(self) -> str:
        """Who it was, for a sentence."""
        words = {
            "server": _("server “%s”"),
            "vm": _("VM “%s”"),
            "allocation": _("an allocation “%s”"),
            "reservation": _("a reservation “%s”"),
            "quarantine": _("the quarantine “%s”"),
        }
        return (words[self.kind] % self.name).replace(" “”", "")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "mac_address": self.mac_address,
            "server": self.server,
            "from": self.since,
            "until": self.until,
            "line": self.line,
        }


def holding_at(vrf: int | None, ip: Address, moment: datetime) -> Holding | None:
    """Who held the address at the moment."""
    earlier = _in_order(_lines(vrf, ip).filter(history_date__lte=moment)[: MOST_LINES + 1])
    if not earlier or not _holder(earlier[0]) or _has_moved(earlier[0], moment):
        return None
    later = _lines(vrf, ip).filter(history_date__gt=moment).reverse()[:MOST_LINES]
    lines = [*_in_order(later), *earlier]
    complete = len(earlier) <= MOST_LINES
    for one in holdings(lines, complete):
        if one.since is None or one.since <= moment:
            return one
    return None


def timeline(vrf: int | None, ip: Address, before: datetime) -> tuple[list[Holding], bool]:
    """Those who held the address until then, newest first; and whether older ones follow."""
    lines = _in_order(_lines(vrf, ip).filter(history_date__lte=before)[: MOST_LINES + 1])
    complete = len(lines) <= MOST_LINES
    found = list(holdings(lines, complete))
    if not complete and len(found) > 1:
        found.pop()  # the next page has its beginning, too
    return found, not complete


def holdings(lines: Sequence[Any], complete: bool) -> Iterable[Holding]:
    """The lines of an address, newest first, as holdings. Unless they are complete, nobody knows
    when the first of them began."""
    until: datetime | None = None
    newest = None
    for number, line in enumerate(lines):
        newest = newest or line
        former = lines[number + 1] if number + 1 < len(lines) else None
        if former is not None and _holder(former) == _holder(line):
            continue
        if _holder(line):
            known = complete or former is not None
            yield _holding(line, newest, line.history_date if known else None, until)
        until, newest = line.history_date, None


def _lines(vrf: int | None, ip: Address) -> QuerySet:
    """The lines of history of one address, newest first."""
    history: Any = IPAddress.history
    return history.filter(vrf_id=vrf, ip_address=ip).order_by("-history_date", "-history_id")


def _in_order(lines: Iterable[Any]) -> list[Any]:
    """Newest first, by the order in which they were written: clocks may differ by a little."""
    return sorted(lines, key=lambda line: line.history_id, reverse=True)


def _holder(line: Any) -> tuple[Any, ...] | None:
    """What tells one holder from another; None when nobody holds it."""
    if line.history_type == "-" or line.status == "available":
        return None
    if line.server_id or line.vm_id:
        return (line.status, line.server_id, line.vm_id)
    return (line.status, line.hostname, line.mac_address, line.description)


def _has_moved(line: Any, moment: datetime) -> bool:
    """Whether raw SQL has given the row another address since."""
    history: Any = IPAddress.history
    newest = history.filter(id=line.id, history_date__lte=moment, history_id__gt=line.history_id)
    return newest.exclude(ip_address=line.ip_address).exists()


def _holding(first: Any, newest: Any, since: datetime | None, until: datetime | None) -> Holding:
    kind = _kind(newest)
    names = {
        "vm": newest.vm_id,
        "reservation": newest.description,
        "quarantine": newest.description,
    }
    return Holding(
        kind,
        names.get(kind, newest.hostname or newest.description) or "",
        newest.mac_address,
        newest.server_id,
        newest.id,
        since,
        until,
        f"ipam.ipaddress:{first.history_id}",
    )


def _kind(line: Any) -> str:
    if line.server_id:
        return "server"
    if line.vm_id:
        return "vm"
    return {"reserved": "reservation", "quarantine": "quarantine"}.get(line.status, "allocation")


def has_had_servers(vrf: int | None, ip: Address) -> bool:
    """Whether a server has ever held the address."""
    return _lines(vrf, ip).exclude(server_id=None).exists()
