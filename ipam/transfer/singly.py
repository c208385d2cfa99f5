"""Import rows one after the other, each as if saved by hand, all of them in one transaction.

For tables of hundreds of rows. A row that is refused is tried again after the others, because one
of them may make room for it: so the order of the rows does not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction

from core.errors import IPManagerError
from ipam.transfer.verdicts import Entry, Mode, Outcome, Remark, State, bad_entries

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Plan(Entry):
    """A row and what saving it did."""

    state: State = "new"
    refusal: list[Remark] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> list[Plan]:
        return [cls(entry.line, entry.key, entry.values, entry.faults) for entry in entries]

    def compare(self, row: object, changes: Mapping[str, object]) -> None:
        """Note whether the row is new, and whether anything about it changes."""
        if row is None:
            self.state = "new"
        elif changes:
            self.state = "changed"
        else:
            self.state = "unchanged"


class _Undo(Exception):
    """Leave the transaction without writing."""


def import_singly(
    plans: list[Plan], mode: Mode, save: Callable[[Plan], None], progress: Progress
) -> Outcome:
    """Write every row, and take all of them back unless the mode and the verdicts allow it.

    `save` writes one row and notes its state; it raises ValidationError or IPManagerError when the
    ledger says no."""
    written = False
    try:
        with transaction.atomic():
            _write([plan for plan in plans if not plan.faults], save, progress)
            written = mode == "skip-bad" or (mode == "all" and not bad_entries(plans))
            if not written:
                raise _Undo
    except _Undo:
        pass
    return Outcome.of(plans, written=written)


def _write(waiting: list[Plan], save: Callable[[Plan], None], progress: Progress) -> None:
    """Save until nothing more can be saved; what is left then is bad."""
    while waiting:
        refused = []
        for number, plan in enumerate(waiting):
            progress("rows", number, len(waiting))
            if not _saved(plan, save):
                refused.append(plan)
        if len(refused) == len(waiting):
            break
        waiting = refused
    for plan in waiting:
        plan.faults += plan.refusal


def _saved(plan: Plan, save: Callable[[Plan], None]) -> bool:
    """Save one row in a savepoint; False, with the refusal noted, when the ledger says no."""
    try:
        with transaction.atomic():
            save(plan)
    except ValidationError as error:
        plan.refusal = _remarks(error.message_dict)
        return False
    except IPManagerError as error:
        plan.refusal = _remarks({"": [str(error)]})
        return False
    return True


def _remarks(errors: Mapping[str, Iterable[str]]) -> list[Remark]:
    entry = Entry(0, "", {})
    entry.blame_all(errors)
    return entry.faults
