"""A table as programs keep it: a JSON list of objects, or one object on each line (JSON Lines).

What an object does not name stays as it is; null and the empty text empty it. Reading is a stream,
object by object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, TextIO

from django.utils.translation import gettext as _

from core.errors import Invalid
from ipam.addresses import shorten
from ipam.transfer.sheet import (
    EMPTIED,
    Cells,
    Column,
    Layout,
    Sheet,
    normal,
    protect,
    refuse_missing,
    report_unknown,
)

_PIECE = 1 << 16
_LONGEST = 1 << 20  # of one object
_STEP = re.compile(r"\s*(,?)\s*(\]?)")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_decode = json.JSONDecoder().raw_decode
Object = dict[str, Any]


def read_objects(text: TextIO, layout: Layout, notices: list[str]) -> Sheet:
    """The objects as rows of cells, one for each column that we know."""
    return Sheet(list(layout.columns), _rows(text, layout, notices), notices)


def _rows(text: TextIO, layout: Layout, notices: list[str]) -> Iterator[Cells]:
    meanings: dict[str, Column | None] = {}
    foreign: dict[str, object] = {}
    for number, found in _objects(text):
        for name in found:
            if name in meanings:
                continue
            meanings[name] = layout.find(name)
            if reason := layout.foreign.get(normal(name)):
                foreign[name] = reason
        for name in foreign.keys() & found.keys():
            if found[name] is not None:
                raise Invalid(foreign[name])
        yield _cells(number, found, layout, meanings)
    if not meanings:
        raise Invalid(_("The file is empty."))
    refuse_missing(layout, meanings.values())
    unknown = []
    for name, column in meanings.items():
        if column is None and name not in foreign:
            unknown.append(name)
    report_unknown(unknown, notices)


def _cells(number: int, found: Object, layout: Layout, meanings: dict[str, Column | None]) -> Cells:
    texts, faults = dict.fromkeys(layout.columns, ""), []
    for name, value in found.items():
        column = meanings[name]
        if column is None:
            continue
        try:
            if texts[column]:
                raise ValueError(_("this column is named twice"))
            texts[column] = _cell(value)
        except ValueError as error:
            faults.append((column.name, str(error)))
    return Cells(number, list(texts.values()), tuple(faults))


def _cell(value: object) -> str:
    """The cell that means the value. Raises ValueError."""
    match value:
        case None:
            return EMPTIED
        case str() if not _NO_TEXT.search(value):
            return protect(value.strip()) or EMPTIED
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() if all(isinstance(part, str) for part in value):
            return _cell(",".join(value))
    raise ValueError(_("“%s” is neither a text nor a number") % shorten(json.dumps(value)))


# --- reading --------------------------------------------------------------------------------------


def _objects(text: TextIO) -> Iterator[tuple[int, Object]]:
    """Each object with its number: of its line, or in the list."""
    start = text.read(_PIECE).lstrip()[:1]
    text.seek(0)
    if start == "[":
        return _listed(text)
    return _lines(text)


def _lines(text: TextIO) -> Iterator[tuple[int, Object]]:
    for number, line in enumerate(iter(partial(text.readline, _LONGEST), ""), 1):
        if line.strip():
            try:
                yield number, _object(json.loads(line), number)
            except (ValueError, RecursionError) as error:
                raise _unreadable(number, error) from error


def _listed(text: TextIO) -> Iterator[tuple[int, Object]]:
    """The objects of one list, of which a piece at a time is in memory."""
    buffer, number = text.read(_PIECE), 0
    at = buffer.index("[") + 1
    while True:
        step = _STEP.match(buffer, at)
        assert step
        if step[2]:
            break
        try:
            found, end = _decode(buffer, step.end())
        except (ValueError, RecursionError) as error:
            more = text.read(_PIECE)
            if not more or len(buffer) - at > _LONGEST or isinstance(error, RecursionError):
                raise _unreadable(number + 1, error) from error
            buffer, at = buffer[at:] + more, 0
            continue
        at, number = end, number + 1
        if bool(step[1]) == (number == 1):
            raise _unreadable(number, _("a comma belongs between two objects"))
        yield number, _object(found, number)
    if (buffer[step.end() :] + text.read(_PIECE)).strip():
        raise _unreadable(number + 1, _("something follows the list"))


def _object(found: object, number: int) -> Object:
    if not isinstance(found, dict):
        raise _unreadable(number, _("it is not an object"))
    return found


def _unreadable(number: int, error: object) -> Invalid:
    return Invalid(
        _("Row %(number)d cannot be read: %(error)s.") % {"number": number, "error": error},
        _("Send a JSON list of objects, or one object on each line."),
    )
