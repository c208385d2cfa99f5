"""A table as spreadsheets keep it: which encoding, which delimiter, which header, and cells that
must not run.

Reading is a stream: only the first line is looked at twice.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any, TextIO

from django.utils.translation import gettext as _

from core.errors import Invalid
from ipam.addresses import shorten

DELIMITERS = ";,\t|"
# What a spreadsheet may take for a formula (OWASP, CSV injection); Japanese ones know the
# full-width characters, too.
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LONGEST_HEADER = 100_000
EMPTIED = _MARK = "'"
_EXCELS_HINT = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its name in the ledger, in German, what else people call it, and what its cells
    mean.

    `parse` raises ValueError with a sentence for people; without it the column is only written.
    `empty` makes what a cell with a lone apostrophe sets."""

    name: str
    german: str
    aliases: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = str
    show: Callable[[Any], str] = str
    empty: Callable[[], Any] = str

    @property
    def spellings(self) -> set[str]:
        return set(map(normal, (self.name, self.german, *self.aliases)))


@dataclass(frozen=True)
class Layout:
    """The columns of one kind of table, those that must be there, and the order of a file without a
    header."""

    columns: tuple[Column, ...]
    required: tuple[str, ...]
    positions: tuple[str, ...]
    foreign: Mapping[str, object] = field(default_factory=dict)  # columns we refuse, and why
    is_data: Callable[[str], bool] = lambda cell: False  # cells that no header has

    def named(self, name: str) -> Column:
        names = list(map(attrgetter("name"), self.columns))
        return self.columns[names.index(name)]

    def find(self, heading: str) -> Column | None:
        """The column that a heading means, case, blanks and punctuation forgiven."""
        word = normal(heading)
        for column in self.columns:
            if word in column.spellings:
                return column
        return None


@dataclass(frozen=True, slots=True)
class Cells:
    """One row as it stands in the file."""

    line: int
    texts: list[str]
    # Columns whose values could not be made a text, and why.
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A file that has been opened: its columns from left to right (None: not ours) and its rows,
    still unread."""

    columns: list[Column | None]
    rows: Iterator[Cells]
    notices: list[str]


# --- cells ----------------------------------------------------------------------------------------


def protect(text: str) -> str:
    """The cell that stands for the text and that no spreadsheet runs."""
    if _needs_mark(text):
        return _MARK + text
    return text


def unprotect(cell: str) -> str | None:
    """The text of a cell; None when nothing was said, and "" for a lone apostrophe: to be emptied.

    Raises ValueError for a formula. An apostrophe that `protect` would not have written belongs to
    the text."""
    if cell.startswith(_MARK) and _needs_mark(cell[1:]):
        return cell[1:]
    text = cell.strip()
    if text == EMPTIED:
        return ""
    if text.startswith("="):
        raise ValueError(
            _("“%s” is a formula; to keep it as text, put an apostrophe in front") % shorten(text)
        )
    return text or None


def _needs_mark(text: str) -> bool:
    return text.startswith((_MARK, *_RISKY)) or text != text.strip()


# --- reading --------------------------------------------------------------------------------------


def read_table(text: TextIO, layout: Layout, delimiter: str | None, notices: list[str]) -> Sheet:
    """Find out the delimiter and what the columns are. Raises Invalid."""
    first = text.readline(_LONGEST_HEADER)
    hint = _EXCELS_HINT.fullmatch(first)
    if hint:
        delimiter = delimiter or hint[1]
        first = text.readline(_LONGEST_HEADER)
    text.seek(0)
    rows = _rows(text, delimiter or _delimiter(first, layout), skip=bool(hint))
    head = next(rows, None)
    if head is None:
        raise Invalid(_("The file is empty."))
    if any(map(layout.is_data, map(str.strip, head.texts))):
        notices.append(
            _("The first line is not a header; the columns are taken as %s.")
            % ", ".join(layout.positions)
        )
        columns = list(map(layout.named, layout.positions))
        return Sheet([*columns], chain([head], rows), notices)
    return Sheet(_columns(head.texts, layout, notices), rows, notices)


def _delimiter(first: str, layout: Layout) -> str:
    """The delimiter by which the first line has most columns that we know, or else most columns."""

    def columns(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        known = list(filter(layout.find, cells))
        return len(known), len(cells)

    return max(DELIMITERS, key=columns)


def _rows(text: Iterable[str], delimiter: str, *, skip: bool) -> Iterator[Cells]:
    """The rows that are not blank, each with the number of its first line."""
    reader = csv.reader(text, delimiter=delimiter)
    line = 0
    while True:
        line = reader.line_num + 1
        try:
            texts = next(reader, None)
        except csv.Error as error:
            raise Invalid(
                _("Line %(line)s cannot be read: %(error)s.") % {"line": line, "error": error},
                _("Look for a quotation mark that is not closed."),
            ) from error
        if texts is None:
            return
        is_blank = not "".join(texts).strip()
        if not is_blank and not (skip and line == 1):
            yield Cells(line, texts)


def _columns(headings: Sequence[str], layout: Layout, notices: list[str]) -> list[Column | None]:
    """What each heading means. Raises Invalid when a column is missing or named twice."""
    for heading in headings:
        if reason := layout.foreign.get(normal(heading)):
            raise Invalid(reason)
    found = []
    unknown = []
    first: dict[Column, str] = {}
    for heading in map(str.strip, headings):
        column = layout.find(heading)
        found.append(column)
        if column is None:
            unknown.append(heading)
        elif column in first:
            raise _named_twice(column, first[column], heading)
        else:
            first[column] = heading
    refuse_missing(layout, found)
    report_unknown(unknown, notices)
    return found


def _named_twice(column: Column, *headings: str) -> Invalid:
    return Invalid(
        _("The columns %(twice)s both mean %(name)s.")
        % {"twice": _quoted(headings), "name": column.name},
        _("Leave one of them out."),
    )


def refuse_missing(layout: Layout, found: Iterable[Column | None]) -> None:
    """Raise Invalid when a required column is missing."""
    there = set(found)
    required = map(layout.named, layout.required)
    missing = [_missing(column) for column in required if column not in there]
    if missing:
        raise Invalid(" ".join(missing), _known(layout))


def report_unknown(headings: Iterable[str], notices: list[str]) -> None:
    """Add a notice that names the columns which are left out."""
    unknown = list(filter(None, headings))
    if unknown:
        notices.append(_("Unknown columns are ignored: %s.") % _quoted(unknown))


def _missing(column: Column) -> str:
    accepted = ", ".join(dict.fromkeys([column.name, column.german, *column.aliases]))
    return _("The column %(name)s is missing; it may be called: %(accepted)s.") % {
        "name": column.name,
        "accepted": accepted,
    }


def _known(layout: Layout) -> str:
    known = map(attrgetter("name"), layout.columns)
    return _("known columns: %(known)s; without a header line: %(order)s") % {
        "known": ", ".join(known),
        "order": ", ".join(layout.positions),
    }


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{shorten(word, 40)}”" for word in words)


def normal(heading: str) -> str:
    """A heading without what people vary: `IP-Adresse`, `ip adresse` and `IP_ADRESSE` are one."""
    folded = unicodedata.normalize("NFKC", heading).casefold().translate(_UMLAUTS)
    return "".join(filter(str.isalnum, folded))


# --- writing --------------------------------------------------------------------------------------


def lines(rows: Iterable[Sequence[str]], delimiter: str) -> Iterator[str]:
    """The rows as lines of text, every cell made safe. CRLF, as RFC 4180 has it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    for row in rows:
        writer.writerow(list(map(protect, row)))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
