"""What an import says: one verdict for every row, and what became of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any, Literal, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _

from ipam.addresses import shorten
from ipam.transfer.sheet import Cells, Column, unprotect

T = TypeVar("T")
State = Literal["new", "changed", "unchanged", "bad"]
Mode = Literal["all", "skip-bad", "dry-run"]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one cell, in a sentence; the field is empty when it is about the whole
    row."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one row. Remarks are the faults of a bad row, and warnings on any other."""

    line: int
    key: str
    state: State
    remarks: tuple[Remark, ...] = ()

    @property
    def warns(self) -> bool:
        return bool(self.remarks) and self.state != "bad"

    def as_json(self) -> dict[str, Any]:
        reasons = list(map(asdict, self.remarks))
        return {
            "line": self.line,
            "key": self.key,
            "state": self.state,
            "warning": self.warns,
            "reasons": reasons,
        }


@dataclass(frozen=True)
class Outcome:
    """All verdicts in the file's order, and whether the good rows were written."""

    verdicts: list[Verdict]
    written: bool

    @classmethod
    def of(cls, plans: Iterable[Any], *, written: bool) -> Outcome:
        """Of rows that know their state."""
        return cls([plan.verdict(plan.state) for plan in plans], written)

    @property
    def counts(self) -> dict[str, int]:
        counted = dict.fromkeys(("new", "changed", "unchanged", "bad", "warnings"), 0)
        for verdict in self.verdicts:
            counted[verdict.state] += 1
            counted["warnings"] += verdict.warns
        return counted

    @property
    def bad(self) -> int:
        return self.counts["bad"]


@dataclass(slots=True)
class Entry:
    """A row on its way: what its cells say, and what is wrong with it."""

    line: int
    key: str
    values: dict[str, Any]  # only what the row says; an empty cell says nothing
    faults: list[Remark] = field(default_factory=list)
    warnings: tuple[Remark, ...] = ()

    def blame(self, name: str, reason: object) -> None:
        if not isinstance(reason, str):  # a Clash is one, and stays one
            reason = str(reason)
        fault = Remark(name, reason)
        if fault not in self.faults:
            self.faults.append(fault)

    def blames(self, *names: str) -> bool:
        """Whether one of these columns is to blame."""
        return any(fault.field in names for fault in self.faults)

    def blame_all(self, errors: Mapping[str, Iterable[str]]) -> None:
        """Note what a check has found, each sentence under its column."""
        for name, reasons in errors.items():
            column = name.replace(NON_FIELD_ERRORS, "")
            for reason in reasons:
                self.blame(column, reason)

    def verdict(self, state: State) -> Verdict:
        if self.faults:
            return Verdict(self.line, self.key, "bad", tuple(self.faults))
        return Verdict(self.line, self.key, state, self.warnings)


def read(
    rows: Iterator[Cells], columns: list[Column | None], key: tuple[str, ...]
) -> Iterator[Entry]:
    """The rows as entries, every cell parsed; `key` names the columns that a row may be called
    by."""
    for cells in rows:
        yield _entry(cells, columns, key)


def _entry(cells: Cells, columns: list[Column | None], key: tuple[str, ...]) -> Entry:
    named = {}
    for column, text in zip(columns, cells.texts, strict=False):
        if column:
            named[column.name] = text.strip()
    entry = Entry(cells.line, shorten(_first_of(named, key)), {})
    if "".join(cells.texts[len(columns) :]).strip():
        too_many = _(
            "The row has %(cells)d cells for %(columns)d columns; "
            "quote a cell that holds the delimiter."
        )
        entry.blame("", too_many % {"cells": len(cells.texts), "columns": len(columns)})
    for column, text in zip(columns, cells.texts, strict=False):
        if column and column.parse:
            _read_cell(entry, column, text)
    for name, reason in cells.faults:
        entry.blame(name, reason)
    return entry


def _first_of(named: Mapping[str, str], names: Iterable[str]) -> str:
    """The first of these columns that says something, or nothing."""
    for name in names:
        if text := named.get(name):
            return text
    return ""


def _read_cell(entry: Entry, column: Column, cell: str) -> None:
    try:
        text = unprotect(cell)
        if text == "":
            entry.values[column.name] = column.empty()
        elif text is not None and column.parse:
            entry.values[column.name] = column.parse(text)
    except ValueError as error:
        entry.blame(column.name, error)


def bad_entries(entries: Iterable[T]) -> list[T]:
    """The rows in which something is wrong."""
    return list(filter(attrgetter("faults"), entries))


def changed_values(row: object, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the row does not have yet; all of them when there is no row."""
    if row is None:
        return dict(values)
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def blame_twins(entries: Sequence[Entry], columns: Mapping[str, object]) -> None:
    """A value that must be unique stands in a file once; the second row that has it is bad."""
    for name, sentence in columns.items():
        first: dict[Any, int] = {}
        for entry in entries:
            value = entry.values.get(name)
            if not value:
                continue
            if isinstance(value, str):
                value = value.lower()
            if value in first:
                entry.blame(
                    name, str(sentence) % {"value": entry.values[name], "line": first[value]}
                )
            first.setdefault(value, entry.line)
