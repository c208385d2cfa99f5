"""What the API says of a line of the log."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from rest_framework import serializers

from changes.lines import Line, history_of
from changes.log.query import KINDS, ROW_KINDS
from changes.log.rights import shown_columns
from changes.log.words import Names
from changes.security import SecurityLine
from core.history.records import SOURCES

KIND_NAMES = {sign: name for name, sign in ROW_KINDS.items()}


class DifferenceSerializer(serializers.Serializer):
    """One field that has changed, in words."""

    label = serializers.CharField()  # type: ignore[assignment]
    before = serializers.CharField()
    after = serializers.CharField()


class LineSerializer(serializers.Serializer):
    """One row of one table, changed once."""

    id = serializers.CharField(help_text="Names the line for ever, as in ipam.ipaddress:5123.")
    at = serializers.DateTimeField()
    change = serializers.CharField(
        help_text="Shared by all lines of one request, command, import or transaction."
    )
    who = serializers.CharField(help_text="In words, as in admin (ci).")
    user = serializers.CharField(allow_null=True)
    actor = serializers.CharField(help_text="A token, a command with its user, a role of SQL.")
    source = serializers.CharField(  # type: ignore[assignment]
        help_text=f"One of {', '.join(SOURCES)}; or empty."
    )
    table = serializers.CharField()
    object = serializers.IntegerField(
        allow_null=True, help_text="The key of the row, if it is a number."
    )
    title = serializers.CharField(help_text="What the row is called.")
    kind = serializers.ChoiceField(
        choices=list(KINDS), help_text="What happened to the row, or which security event it is."
    )
    before = serializers.DictField(
        allow_null=True, help_text="The row before the change; null for a security event."
    )
    after = serializers.DictField(
        allow_null=True, help_text="The row after the change; null for a security event."
    )
    difference = DifferenceSerializer(many=True)


class ChangesPageSerializer(serializers.Serializer):
    next = serializers.URLField(allow_null=True, help_text="The older lines.")
    searched_to = serializers.DateTimeField(
        allow_null=True,
        help_text="How far back this search came before its time was up; `next` goes on from there."
        " Null when the page is full or the log has ended.",
    )
    results = LineSerializer(many=True)


def as_json(line: Line, names: Names) -> dict[str, Any]:
    """A line as the API shows it."""
    facts = {
        "id": line.key,
        "at": line.at,
        "change": line.change,
        "who": line.who,
        "source": line.source,
        "table": line.table,
        "object": _key(line),
        "title": names.title(line),
        "difference": list(map(asdict, names.differences(line))),
    }
    if isinstance(line, SecurityLine):
        return facts | _of_event(line.record)
    return facts | _of_row(line)


def _of_event(event: Any) -> dict[str, Any]:
    return {
        "user": event.username,
        "actor": event.actor,
        "kind": event.kind,
        "before": None,
        "after": None,
    }


def _of_row(line: Line) -> dict[str, Any]:
    record, user = line.record, line.record.history_user
    return {
        "user": user.get_username() if user else None,
        "actor": _actor(record),
        "kind": KIND_NAMES[line.kind],
        "before": _row(line, record if line.kind == "-" else line.before),
        "after": None if line.kind == "-" else _row(line, record),
    }


def _key(line: Line) -> int | None:
    if isinstance(line.object_id, int):
        return line.object_id
    return None


def _actor(record: Any) -> str:
    if record.history_source == "sql":
        return record.history_change_reason or ""
    return record.history_actor or ""


def _row(line: Line, record: Any) -> dict[str, Any] | None:
    """A row's values by the names of its fields."""
    if record is None:
        return None
    names = {field.attname: field.name for field in history_of(line.model).model._meta.fields}
    return {names[column]: _plain(getattr(record, column)) for column in shown_columns(line.model)}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
