"""Compare the lines that were archived when they were pruned with their seals."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from changes.chain.compare import pruned_lines
from changes.chain.content import SHORT, digest, unpacked
from changes.chain.faults import Fault
from changes.chain.tables import sealed_tables
from changes.models import Seal

UNREADABLE = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)
Line = dict[str, Any]


class ArchiveVerification:
    """One look at the files below a directory, day by day: memory does not grow with the archive.
    Lines that were never sealed are not judged, nor those of seals up to the number `after`. All
    files are read even so: what a file is called, and when it was written, can be altered."""

    def __init__(self, root: Path, after: int = 0) -> None:
        self.root, self.after = root, after
        self.lines = 0  # that were read
        self._reaches_back = False  # whether there are lines of earlier seals, too
        self._seen: dict[int, set[int]] = defaultdict(set)  # by seal: the lines that were found

    def faults(self) -> Iterator[Fault]:
        for table in sorted(sealed_tables()):
            for file in sorted((self.root / table).glob("*.jsonl.gz")):
                yield from self._of_day(table, file)
            yield from self._missing(table)

    def _of_day(self, table: str, file: Path) -> Iterator[Fault]:
        key = sealed_tables()[table]._meta.pk.attname
        day = file.name.partition(".")[0]
        try:
            found = _read(file, key)
        except UNREADABLE as error:
            text = f"{table}: the archive of {day} cannot be read ({error})."
            yield Fault("archive", text, table, day=day)
            return
        self.lines += len(found)
        seals = _seals(table, min(found, default=0), max(found, default=-1))
        self._reaches_back |= seals.filter(number__lte=self.after).exists()
        for seal in seals.filter(number__gt=self.after).iterator(chunk_size=20):
            yield from self._of_seal(seal, found, day)

    def _of_seal(self, seal: Seal, found: dict[int, list[Line]], day: str) -> Iterator[Fault]:
        stored, columns = unpacked(seal.kept), seal.columns.split(" ")
        here = [number for number in found if seal.first <= number <= seal.last]
        for number in here:
            said = {_digest(line, columns) for line in found[number]}
            if said != {stored.get(number)}:
                what = "was altered" if number in stored else "was inserted"
                yield _fault(seal, number, f"{what} in the archive of {day}", day)
        self._seen[seal.number].update(here)

    def _missing(self, table: str) -> Iterator[Fault]:
        """The pruned lines between the first and the last archived one that are in no file."""
        ends = min(self._seen, default=0), max(self._seen, default=0)
        if self._reaches_back:
            ends = self.after + 1, ends[1]
        pruned = Seal.objects.filter(table=table, number__range=ends).exclude(pruned=b"")
        for seal in pruned.order_by("number").iterator(chunk_size=20):
            for number in sorted(pruned_lines(seal) - self._seen[seal.number]):
                yield _fault(seal, number, "is in no file of the archive")
        self._seen.clear()
        self._reaches_back = False


def _read(file: Path, key: str) -> dict[int, list[Line]]:
    """The lines of a file by their numbers. A transaction that failed may have left one twice."""
    found: dict[int, list[Line]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as texts:
        for text in texts:
            line = json.loads(text)
            found[int(line[key])].append(line)
    return found


def _seals(table: str, first: int, last: int) -> Any:
    found = Seal.objects.filter(table=table, last__gte=first, first__lte=last)
    return found.order_by("number")


def _digest(line: Line, columns: list[str]) -> bytes:
    """Of a line as the archive has it; another one where a column is missing."""
    return digest([line.get(name, "?") for name in columns])[:SHORT]


def _fault(seal: Seal, line: int, what: str, day: str = "") -> Fault:
    text = f"{seal.table}: the line {line} {what} (seal {seal.number})."
    return Fault("archive", text, seal.table, line, day, seal.number)
