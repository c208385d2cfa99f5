"""A line as people read it: what its row is called, and what has changed in which words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Max
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from changes.lines import Line, compared_columns, history_of
from changes.log import event_words
from changes.log.rights import Reader, shown_columns
from changes.security import SecurityLine

NOTHING = "—"
# What a row is called: the first of these columns that its line has.
TITLES = {
    "ipam.subnet": ("network", "name"),
    "ipam.ipaddress": ("ip_address",),
    "ipam.interface": ("server_id", "name"),
    "discovery.unknowndevice": ("mac_address",),
}
USUAL_TITLES = (
    "hostname",
    "ip_address",
    "name",
    "place",
    "subject",
    "key",
    "environment",
    "server_id",
    "subnet_id",
)
Key = tuple[type[models.Model], Any]


@dataclass(frozen=True)
class Difference:
    """One column that differs, in words."""

    label: str
    before: str
    after: str


class Names:
    """What the rows are called to which lines refer: as they are called now, those that are deleted
    as they were called last. Two queries for each model that is referred to. Rows that the reader
    may not see have no name."""

    def __init__(self, lines: Iterable[Line], reader: Reader) -> None:
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for line in lines:
            for model, key in _references(line):
                wanted[model].add(key)
        self._known: dict[Key, str] = {}
        for model, keys in wanted.items():
            for key, row in _rows(model, keys, reader).items():
                self._known[model, key] = row

    def of(self, model: type[models.Model], key: Any) -> str:
        """The row's name; its key if it has none for this reader."""
        return self._known.get((model, key)) or f"#{key}"

    def title(self, line: Line) -> str:
        """What the line's row is called in it."""
        if isinstance(line, SecurityLine):
            return event_words.title(line)
        record = line.record
        if line.table == "ipam.pool":
            return _range(record)
        columns = TITLES.get(line.table, ())
        if columns:
            return " ".join(filter(None, (self.plain(line, name) for name in columns)))
        for name in USUAL_TITLES:
            if getattr(record, name, None):
                return self.plain(line, name)
        return f"#{line.record.history_id}"

    def plain(self, line: Line, column: str) -> str:
        return self.value(line.model, column, getattr(line.record, column)).replace(NOTHING, "")

    def differences(self, line: Line) -> list[Difference]:
        """The columns that differ. Of a new row and of a deleted one, those that have a value; so
        of a row without an earlier line, such as a free address that is given away."""
        if isinstance(line, SecurityLine):
            return _of_event(line)
        found = []
        shown = shown_columns(line.model)
        for column, (was, now) in line.difference().items():
            if column in shown and _is_told(line, column, was, now):
                before = "" if is_new(line) else self.value(line.model, column, was)
                after = self.value(line.model, column, now)
                found.append(Difference(label(line.model, column), before, after))
        return found

    def value(self, model: type[models.Model], column: str, value: Any) -> str:
        """A column's value in words."""
        field = _field(model, column)
        if _is_empty(value):
            return NOTHING
        if _holds_key(field):
            return self.of(field.related_model, value)
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        return plain_value(value)


def _of_event(line: SecurityLine) -> list[Difference]:
    facts = event_words.facts(line)
    return [Difference(label, "", plain_value(value)) for label, value in facts]


def plain_value(value: Any) -> str:
    """A value of no special column in words."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return date_format(localtime(value), "DATETIME_FORMAT")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def label(model: type[models.Model], column: str) -> str:
    return capfirst(str(_field(model, column).verbose_name))


def table_name(model: type[models.Model]) -> str:
    return capfirst(str(model._meta.verbose_name))


def _range(record: Any) -> str:
    if record.first == record.last:
        return str(record.first)
    return f"{record.first}-{record.last}"


def is_new(line: Line) -> bool:
    """Whether nothing is known of the row before."""
    return line.kind != "-" and line.before is None


def _is_told(line: Line, column: str, was: Any, now: Any) -> bool:
    """Of a row that is new or deleted, what is empty or usual is left out."""
    if line.kind == "~" and not is_new(line):
        return True
    value = was if line.kind == "-" else now
    field = _field(line.model, column)
    is_key = column == line.model._meta.pk.attname
    return not (is_key or _is_empty(value) or value == _usual(field))


def _usual(field: Any) -> Any:
    if callable(field.default):
        return None
    return field.get_default()


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def _field(model: type[models.Model], column: str) -> Any:
    fields: Any = history_of(model).model._meta.fields
    return next(field for field in fields if field.attname == column)


def _holds_key(field: Any) -> bool:
    """Whether it refers to a row by its key; some columns name the row instead."""
    return field.is_relation and field.target_field.primary_key


def _references(line: Line) -> Iterable[Key]:
    if isinstance(line, SecurityLine):
        return
    for column in compared_columns(line.model):
        field = _field(line.model, column)
        if not _holds_key(field):
            continue
        for record in filter(None, (line.record, line.before)):
            if key := getattr(record, column):
                yield field.related_model, key


def _rows(model: type[models.Model], keys: set[Any], reader: Reader) -> dict[Any, str]:
    # A row's name may be that of another one, which it refers to.
    rows = reader.rows(model).select_related().in_bulk(keys)
    found = {key: str(row) for key, row in rows.items()}
    missing = keys - found.keys()
    if not missing or model not in reader.tables():
        return found
    lines: Any = reader.lines(model)
    key = model._meta.pk.attname
    of_missing = history_of(model).filter(**{f"{key}__in": missing}).values(key)
    last = of_missing.annotate(last=Max("history_id"))
    for record in lines.filter(history_id__in=last.values("last")):
        found[getattr(record, key)] = str(record.instance)
    return found
