"""What clients asked, when, and what they were told. Nothing here talks to anybody."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

YES, NO, LOST = (
    "yes",
    "no",
    "lost",
)  # done, refused, or nobody knows: the answer never came, or came from a dying server
NEVER = float("inf")


@dataclass(frozen=True)
class Call:
    """One call. `verb` and what it names:

    allocate      `owner` gets the next free address; `ip` is the answer. `no`: the pool is
    exhausted post          `owner` gets just `ip` reserve, quarantine   `ip` is kept out of use
    release       the VM `owner` gives back whatever it has release_by_ip         `ip` is taken from
    the VM that has it free          `ip` is taken from whoever has it show          the VM `owner`
    has `ip`; `no`: it has none final         after all is over, the ledger says that `owner` (or
    nobody: "") has `ip`"""

    verb: str
    start: float
    end: float
    answer: str
    owner: str = ""
    ip: str = ""
    status: int = 0
    key: str = ""  # Idempotency-Key
    replayed: bool = False  # the answer to an earlier call with the same key, once more
    says: str = ""  # what else the answer said, for a fault's text

    @property
    def returned(self) -> float:
        """When it was over for certain: a lost one may happen at any later time."""
        return NEVER if self.answer == LOST else self.end


@dataclass(frozen=True)
class Window:
    """A time in which something was dead."""

    start: float
    end: float
    what: str = ""

    def meets(self, call: Call) -> bool:
        return call.start <= self.end and self.start <= call.end


@dataclass(frozen=True)
class Lease:
    """Another machine's live DHCP lease."""

    ip: str
    start: float = 0
    end: float = NEVER


@dataclass(frozen=True)
class Line:
    """One line of the ledger's own history, or (`number` 0) a row as it stands at the end."""

    ip: str
    status: str
    owner: str
    number: int = 0


@dataclass(frozen=True)
class History:
    """All that happened in a run."""

    calls: tuple[Call, ...]
    pool: frozenset[str] = frozenset()  # the addresses that can be handed out
    windows: tuple[Window, ...] = ()
    leases: tuple[Lease, ...] = ()
    rows: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()

    def effects(self) -> list[Call]:
        """The calls, repeats with one Idempotency-Key made one: whichever of them it was, it
        happened once."""
        once = [call for call in self.calls if not call.key]
        keyed = sorted(
            (call for call in self.calls if call.key), key=lambda call: (call.key, call.start)
        )
        for _key, found in groupby(keyed, key=lambda call: call.key):
            once.append(_one(list(found)))
        return sorted(once, key=lambda call: call.start)


def _one(repeats: list[Call]) -> Call:
    """It happened between the first question and the first answer that says so."""
    first = {call.answer: call for call in sorted(repeats, key=lambda call: call.end, reverse=True)}
    told = first.get(YES) or first.get(NO)
    return replace(told, start=repeats[0].start) if told else repeats[0]


def line(ip: object, status: str, vm_id: str | None, hostname: str, number: int = 0) -> Line:
    """A row of the ledger, or a line of its history."""
    by_hand = {"reserved": "reserve", "quarantine": "quarantine"}
    return Line(str(ip), status, by_hand.get(status) or vm_id or hostname, number)


def finals(rows: Iterable[Line]) -> list[Call]:
    """The rows as they are now, when all is over, as calls that look."""
    now = time.monotonic()
    return [Call("final", now, now, YES, row.owner, row.ip) for row in rows]


def is_vm(owner: str) -> bool:
    """VMs are known by their id; others by a name that nothing holds to be unique."""
    return owner.startswith("vm-")
