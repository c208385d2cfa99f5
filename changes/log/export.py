"""The lines as CSV and JSON lines: a stream that keeps no more than one page in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from changes.lines import Line
from changes.log import reading
from changes.log.query import LogQuery
from changes.log.rights import Reader
from changes.log.words import Names
from ipam.transfer.sheet import protect

LINES = 1000  # read at once
COLUMNS = (
    "id",
    "at",
    "change",
    "who",
    "user",
    "actor",
    "source",
    "table",
    "object",
    "title",
    "kind",
    "difference",
)
AsJson = Callable[[Line, Names], dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """A form of the export."""

    ending: str
    content_type: str
    write: Callable[[LogQuery, Reader, AsJson], Iterator[str]]


class _Echo:
    """A file whose `write` returns the text."""

    def write(self, text: str) -> str:
        return text


def _csv(query: LogQuery, reader: Reader, as_json: AsJson) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for facts in _all(query, reader, as_json):
        facts["difference"] = _in_words(facts["difference"])
        yield writer.writerow([protect(_text(facts[name])) for name in COLUMNS])


def _json_lines(query: LogQuery, reader: Reader, as_json: AsJson) -> Iterator[str]:
    for facts in _all(query, reader, as_json):
        yield json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"


KINDS = {
    "csv": Kind("csv", "text/csv; charset=utf-8", _csv),
    "jsonl": Kind("jsonl", "application/x-ndjson", _json_lines),
}


def _all(query: LogQuery, reader: Reader, as_json: AsJson) -> Iterator[dict[str, Any]]:
    """Page by page, until the log ends."""
    page = reading.read(query, reader, LINES)
    while True:
        names = Names(page.lines, reader)
        for line in page.lines:
            yield as_json(line, names)
        if page.older is None:
            return
        page = reading.read(query, reader, LINES, page.older)


def _in_words(difference: list[dict[str, str]]) -> str:
    return "; ".join(_("%(label)s: %(before)s → %(after)s") % one for one in difference)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
