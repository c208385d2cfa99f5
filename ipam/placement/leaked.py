"""Find leaked address rows: allocated, although the server that held them has gone and nobody else
has taken them.

An allocation by the API may name nobody, so a row alone does not say whether it leaked. Its history
does: the row says what it said while a server held it, and nothing has happened since, or nothing
but the steps of one save."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ipam.models import IPAddress
from ipam.placement.index import Key
from ipam.placement.place import free

ONE_SAVE = timedelta(seconds=2)  # its lines of history are written within
AT_ONCE = 500  # addresses of one query
COLUMNS = ("server_id", "hostname", "description", "reservation", "history_date")


@dataclass(frozen=True)
class Line:
    """A line of an address's history."""

    server_id: int | None
    hostname: str
    description: str
    reservation: str | None
    at: datetime

    @property
    def note(self) -> str | None:
        """The note of the reservation that the server took; None when there was none."""
        if self.reservation is None:
            return self.description or None
        return self.reservation


def free_leaked() -> int:
    """Free the leaked rows, or reserve them again, and return their number. Call it under the
    ledger's lock."""
    unheld = IPAddress.objects.filter(status="allocated", server=None, vm_id=None)
    candidates = {(row.vrf_id, row.ip_address): row for row in unheld.select_for_update()}
    if not candidates:
        return 0
    leaked = []
    for key, lines in _histories(candidates).items():
        row = candidates[key]
        if held := _last_held(row, lines):
            row.reservation = held.note
            leaked.append(row)
    free(leaked)
    return len(leaked)


def _histories(candidates: dict[Key, IPAddress]) -> dict[Key, list[Line]]:
    """The lines of those addresses that a server has held, oldest first."""
    history: Any = IPAddress.history
    held = history.exclude(server=None).values_list("vrf_id", "ip_address").distinct()
    keys = set(candidates).intersection(held)
    found: dict[Key, list[Line]] = defaultdict(list)
    for some in _chunks(sorted({address for _vrf, address in keys}, key=str)):
        lines = history.filter(ip_address__in=some).order_by("history_date", "history_id")
        for vrf, address, *values in lines.values_list("vrf_id", "ip_address", *COLUMNS):
            if (vrf, address) in keys:
                found[vrf, address].append(Line(*values))
    return found


def _last_held(row: IPAddress, lines: Sequence[Line]) -> Line | None:
    """The last line in which a server held the row, if the row has leaked from there."""
    last = max(number for number, line in enumerate(lines) if line.server_id)
    held, since = lines[last], lines[last + 1 :]
    if row.hostname != held.hostname:
        return None
    if since and since[-1].at - since[0].at > ONE_SAVE:
        return None
    return held


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
