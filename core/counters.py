"""Counters that all processes of one web server share, in anonymous memory.

The memory is allocated before the processes are forked, and it has no name: there is no directory
that can be deleted, no file that can be unreadable or fill /dev/shm, no leftover of a killed
server, and no other container that could see it. So counting cannot fail a request."""

from __future__ import annotations

import mmap
import struct
import threading
from collections.abc import Iterator
from typing import Any

SLOTS = 128  # processes at once; pages that nobody writes to take no memory
_DOUBLE = struct.Struct("=d")
_LENGTH = struct.Struct("=q")
_slot = 0


class Table:
    """A row of `width` numbers for each tuple of labels, and a copy of each row for each process.

    A process writes to its own slot only, so no lock between processes is needed. A record in a
    slot is the length of its key (8 bytes), the key padded to 8 bytes, and the numbers; the slot
    starts with the length of all its records.
    """

    def __init__(self, width: int, slot_size: int) -> None:
        self._width, self._size = width, slot_size
        self._memory = mmap.mmap(-1, SLOTS * slot_size)
        self._lock = threading.Lock()
        self._places: dict[tuple[str, ...], int | None] = {}
        self._places_of: int | None = None  # the slot of the places above

    def add(self, labels: tuple[str, ...], *changes: tuple[int, float]) -> None:
        """Add to some numbers of a row: (index, amount). A full slot takes no further rows."""
        with self._lock:
            place = self._place(labels)
            if place is None:
                return
            for index, amount in changes:
                at = place + index * _DOUBLE.size
                (value,) = _DOUBLE.unpack_from(self._memory, at)
                _DOUBLE.pack_into(self._memory, at, value + amount)

    def totals(self) -> dict[tuple[str, ...], list[float]]:
        """Each row, summed over all processes, also those that have ended."""
        found: dict[tuple[str, ...], list[float]] = {}
        for slot in range(SLOTS):
            for labels, place in self._records(slot):
                row = struct.unpack_from(f"={self._width}d", self._memory, place)
                known = found.get(labels, [0.0] * self._width)
                found[labels] = [sum(pair) for pair in zip(known, row, strict=True)]
        return found

    def _place(self, labels: tuple[str, ...]) -> int | None:
        """Where this process's row begins; None if its slot is full."""
        if self._places_of != _slot:
            self._places, self._places_of = dict(self._records(_slot)), _slot
        if labels not in self._places:
            self._places[labels] = self._append(labels)
        return self._places[labels]

    def _append(self, labels: tuple[str, ...]) -> int | None:
        if _slot >= SLOTS:
            return None
        start = _slot * self._size
        (used,) = _LENGTH.unpack_from(self._memory, start)
        key = "\0".join(labels).encode()
        at = start + _LENGTH.size + used
        place = at + _LENGTH.size + _padded(len(key))
        end = place + self._width * _DOUBLE.size
        if end > start + self._size:
            return None
        _LENGTH.pack_into(self._memory, at, len(key))
        self._memory[at + _LENGTH.size : at + _LENGTH.size + len(key)] = key
        # The length last: a process that is killed before this line has appended nothing.
        _LENGTH.pack_into(self._memory, start, end - start - _LENGTH.size)
        return place

    def _records(self, slot: int) -> Iterator[tuple[tuple[str, ...], int]]:
        """The labels of each row of a slot, and where the row begins."""
        if slot >= SLOTS:
            return
        start = slot * self._size
        (used,) = _LENGTH.unpack_from(self._memory, start)
        at, end = start + _LENGTH.size, start + _LENGTH.size + used
        while at < end:
            (length,) = _LENGTH.unpack_from(self._memory, at)
            key = self._memory[at + _LENGTH.size : at + _LENGTH.size + length]
            place = at + _LENGTH.size + _padded(length)
            yield tuple(key.decode().split("\0")), place
            at = place + self._width * _DOUBLE.size


def _padded(length: int) -> int:
    return (length + 7) // 8 * 8


def choose_slot(server: Any, worker: Any) -> None:
    """gunicorn's hook `pre_fork`: a new process continues the counters of one that has ended."""
    taken = {getattr(other, "slot", None) for other in server.WORKERS.values()}
    worker.slot = next(number for number in range(len(taken) + 1) if number not in taken)


def take_slot(server: Any, worker: Any) -> None:
    """gunicorn's hook `post_fork`."""
    global _slot
    _slot = worker.slot
