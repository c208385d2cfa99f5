"""What an import says: one verdict for every row, and what became of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _

from ipam.addresses import shorten
from ipam.transfer.sheet import Cells, Column, unprotect

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
        reasons = [{"field": remark.field, "reason": remark.reason} for remark in self.remarks]
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

    @property
    def counts(self) -> dict[str, int]:
        counted: Counter[str] = Counter(verdict.state for verdict in self.verdicts)
        counted["warnings"] = sum(verdict.warns for verdict in self.verdicts)
        return {name: counted[name] for name in ("new", "changed", "unchanged", "bad", "warnings")}

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
        text = reason if isinstance(reason, str) else str(reason)  # a Clash stays one
        if (fault := Remark(name, text)) not in self.faults:
            self.faults.append(fault)

    def blames(self, *names: str) -> bool:
        """Whether one of these columns is to blame."""
        return any(fault.field in names for fault in self.faults)

    def blame_all(self, errors: Mapping[str, Iterable[str]]) -> None:
        """Note what a check has found, each sentence under its column."""
        for name, reasons in errors.items():
            for reason in reasons:
                self.blame("" if name == NON_FIELD_ERRORS else name, reason)

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
    by_name = {
        column.name: text.strip()
        for column, text in zip(columns, cells.texts, strict=False)
        if column
    }
    entry = Entry(
        cells.line, shorten(next((by_name[name] for name in key if by_name.get(name)), "")), {}
    )
    if any(text.strip() for text in cells.texts[len(columns) :]):
        too_many = _(
            "The row has %(cells)d cells for %(columns)d columns; quote a cell that holds the delimiter."
        )
        entry.blame("", too_many % {"cells": len(cells.texts), "columns": len(columns)})
    for column, text in zip(columns, cells.texts, strict=False):
        if column and column.parse:
            _read_cell(entry, column, text)
    for name, reason in cells.faults:
        entry.blame(name, reason)
    return entry


def _read_cell(entry: Entry, column: Column, cell: str) -> None:
    try:
        text = unprotect(cell)
        if text is not None and column.parse:
            entry.values[column.name] = column.parse(text) if text else column.empty()
    except ValueError as error:
        entry.blame(column.name, error)


def blame_twins(entries: Sequence[Entry], columns: Mapping[str, object]) -> None:
    """A value that must be unique stands in a file once; the second row that has it is bad."""
    for name, sentence in columns.items():
        first: dict[Any, int] = {}
        for entry in entries:
            value = entry.values.get(name)
            if not value:
                continue
            value = value.lower() if isinstance(value, str) else value
            if value in first:
                entry.blame(
                    name, str(sentence) % {"value": entry.values[name], "line": first[value]}
                )
            first.setdefault(value, entry.line)
