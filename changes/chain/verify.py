"""Compare the log with its seals, and name what was altered, removed, inserted or exchanged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from changes.chain import compare
from changes.chain.faults import Fault
from changes.chain.tables import sealed_tables
from changes.chain.verify_archive import ArchiveVerification
from changes.models import BEGINNING, OF_SEALS, Day, Seal

MOST = 100  # faults that are named
OnProgress = Callable[[int, int], None]  # seals looked at, of how many


@dataclass
class Verified:
    """What was looked at, and what is wrong; `number` and `hash` are of the last seal."""

    lines: int = 0
    archived: int = 0  # lines in the archive
    seals: int = 0
    seconds: float = 0.0
    number: int = 0
    hash: str = BEGINNING
    faults: list[Fault] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not self.faults


def verify(
    since: date | None = None,
    expect: str = "",
    progress: OnProgress = lambda *_: None,
    *,
    with_archive: bool = True,
) -> Verified:
    """Look at the whole log, or at what was sealed on a day and later, in the archive, too. Memory
    does not grow with the log: one segment at a time."""
    archive = settings.LOG_ARCHIVE if with_archive else None
    return Verification(since, progress).run(expect, archive)


class Verification:
    """One look at the log."""

    def __init__(self, since: date | None, progress: OnProgress) -> None:
        self.found = Verified()
        self.progress = progress
        self.days: set[date] = set()
        self.pruned: dict[int, bytes] = {}  # by seal: the digest of what was pruned of it
        self.told_pruned: dict[int, bytes] = {}
        self.former: Seal | None = None
        self.start = Day.objects.filter(day__lt=since).order_by("-day").first() if since else None

    def run(self, expect: str, archive: Path | None) -> Verified:
        began = time.monotonic()
        seals = Seal.objects.order_by("number")
        if self.start:
            seals = seals.filter(number__gt=self.start.number)
        total = seals.count()
        for seal in seals.iterator(chunk_size=20):
            self._look_at(seal)
            self.progress(self.found.seals, total)
        self._compare_pruned()
        self._look_at_days()
        if archive:
            self._look_at_archive(archive)
        if expect and not _is_known(expect):
            self._tell(Fault("hash", f"No seal and no day has the hash {expect}."))
        self.found.seconds = time.monotonic() - began
        return self.found

    def _look_at_archive(self, root: Path) -> None:
        archive = ArchiveVerification(root, self.start.number if self.start else 0)
        for fault in archive.faults():
            self._tell(fault)
        self.found.archived = archive.lines

    def _tell(self, fault: Fault) -> None:
        if len(self.found.faults) < MOST:
            self.found.faults.append(fault)

    # --- seals ------------------------------------------------------------------------------------

    def _look_at(self, seal: Seal) -> None:
        self._chained(seal)
        is_genuine = seal.hash == seal.computed()
        lines_are_right = True
        if seal.table == OF_SEALS:
            self.told_pruned |= compare.unpacked(seal.kept)
        elif seal.table in sealed_tables():
            lines_are_right = self._lines(seal)
        if not is_genuine and lines_are_right:
            text = f"Seal {seal.number} ({seal.table}, lines {_range(seal)}) was altered."
            self._tell(Fault("seal", text, seal.table, day=_day(seal), seal=seal.number))
        if seal.pruned:
            self.pruned[seal.number] = compare.short(seal.pruned)
        self.found.seals += 1
        self.found.number, self.found.hash = seal.number, seal.hash
        self.days.add(seal.sealed_at.astimezone(UTC).date())
        self.former = seal

    def _chained(self, seal: Seal) -> None:
        """Whether the seal follows the former one."""
        number, text, day = self._expected()
        if seal.number != number:
            missing = _numbers(number, seal.number - 1)
            sentence = f"Seals {missing} were removed, sealed {_between(day, _day(seal))}."
            self._tell(Fault("seal", sentence, day=day, seal=number))
        elif seal.former != text:
            sentence = f"Seal {number - 1} or the link of seal {number} to it was altered."
            self._tell(Fault("seal", sentence, day=_day(seal), seal=number - 1))

    def _expected(self) -> tuple[int, str, str]:
        """Number and hash that the next seal goes on from, and the day of the one before."""
        if self.former:
            return self.former.number + 1, self.former.hash, _day(self.former)
        if self.start:
            return self.start.number + 1, self.start.seal, str(self.start.day)
        return 1, BEGINNING, ""

    def _lines(self, seal: Seal) -> bool:
        """Look at the lines of one seal; whether all are right."""
        result = compare.lines(seal)
        if not result.is_right:  # unless they were pruned meanwhile
            seal = Seal.objects.filter(pk=seal.pk).first() or seal
            result = compare.lines(seal)
        self.found.lines += result.count
        for fault in _faults(seal, result):
            self._tell(fault)
        return result.is_right

    def _compare_pruned(self) -> None:
        """What is marked as pruned must have been said by a later seal."""
        for number, pruned in sorted(self.pruned.items()):
            if pruned != self.told_pruned.get(number):
                text = f"Lines of seal {number} are marked as pruned, but no pruning did it."
                self._tell(Fault("seal", text, seal=number))

    # --- days -------------------------------------------------------------------------------------

    def _look_at_days(self) -> None:
        days = Day.objects.order_by("day")
        if self.start:
            days = days.filter(day__gt=self.start.day)
        former, text = self.start, self.start.hash if self.start else BEGINNING
        for day in days.iterator(chunk_size=1000):
            if day.former != text:
                sentence = f"The day before {day} or its link was altered or removed"
                after = f", after {former}." if former else "."
                self._tell(Fault("day", sentence + after, day=str(day)))
            if day.hash != day.computed() or not _has_its_seal(day):
                self._tell(Fault("day", f"The day {day} was altered.", day=str(day)))
            self.days.discard(day.day)
            former, text = day, day.hash
        for missing in sorted(self.days - {max(self.days, default=None)}):
            self._tell(Fault("day", f"The day {missing} was removed.", day=str(missing)))


def _has_its_seal(day: Day) -> bool:
    return Seal.objects.filter(number=day.number, hash=day.seal).exists()


def _is_known(text: str) -> bool:
    is_seal = Seal.objects.filter(hash=text).exists()
    return is_seal or Day.objects.filter(hash=text).exists()


_SAID = (  # of the lines of a result: the kind of fault, and what is said of each
    ("altered", "altered", "the line {} was altered"),
    ("altered_with_digest", "altered", "the line {} and its digest were altered"),
    ("removed", "removed", "the line {} was removed"),
    ("inserted", "inserted", "the line {} was inserted later"),
)


def _faults(seal: Seal, result: compare.Result) -> Iterator[Fault]:
    """What is wrong with the lines of a seal, each line by its number."""
    for one, other in result.exchanged:
        yield _fault(seal, "exchanged", f"the lines {one} and {other} were exchanged", one)
    for name, kind, text in _SAID:
        for line in getattr(result, name):
            yield _fault(seal, kind, text.format(line), line)
    if result.unnamed:
        yield _fault(seal, "altered", f"one of the lines {_range(seal)} was altered", None)


def _fault(seal: Seal, kind: str, text: str, line: int | None) -> Fault:
    sentence = f"{seal.table}: {text} (seal {seal.number} of {_day(seal)})."
    return Fault(kind, sentence, seal.table, line, _day(seal), seal.number)


def _range(seal: Seal) -> str:
    keys = list(compare.unpacked(seal.kept))
    return f"{keys[0]} to {keys[-1]}" if keys else f"{seal.first} to {seal.last}"


def _numbers(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _between(before: str, after: str) -> str:
    if not before or before == after:
        return f"on {after} or before"
    return f"from {before} to {after}"


def _day(seal: Any) -> str:
    at: datetime = seal.sealed_at
    return str(at.astimezone(UTC).date())
