"""A plan for people and for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin.utils import display_for_field
from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line, history_of
from changes.undo.items import Item, Later, named
from changes.undo.kinds import chunks, references
from changes.undo.plan import Plan

NOTHING = "–"


class Names:
    """What the keys of other rows stand for: one query for each table, two where some are gone."""

    def __init__(self, pairs: Iterable[tuple[type[models.Model], str, Any]]) -> None:
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for model, column, value in pairs:
            target = references(model).get(column)
            if target and value is not None:
                wanted[target].add(value)
        self._found = {target: _names(target, keys) for target, keys in wanted.items()}

    def text(self, model: type[models.Model], column: str, value: Any) -> str:
        """A value as the pages show it."""
        target = references(model).get(column)
        if target and value is not None:
            return self._found[target].get(value, f"#{value}")
        if isinstance(value, bool):
            return [_("No"), _("Yes")][value]
        if isinstance(value, list):
            return ", ".join(map(str, value)) or NOTHING
        return str(display_for_field(value, _field(model, column), NOTHING)) or NOTHING


def _names(target: type[models.Model], keys: set[Any]) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for some in chunks(sorted(keys)):
        for row in target._base_manager.filter(pk__in=some):
            found[row.pk] = named(target, vars(row), (row.pk,))
    gone = sorted(keys - found.keys())
    for some in chunks(gone):
        key = target._meta.pk.attname
        for record in history_of(target).filter(history_type="-", **{f"{key}__in": some}):
            found[getattr(record, key)] = named(target, vars(record), (getattr(record, key),))
    return found


def _field(model: type[models.Model], column: str) -> models.Field:
    by_column: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
    return by_column[column]


def label(model: type[models.Model], column: str) -> str:
    """The column's name for people."""
    return str(_field(model, column).verbose_name)


# --- for programs ---------------------------------------------------------------------------------


def as_json(plan: Plan) -> dict[str, Any]:
    return {
        "change": plan.change,
        "with_later": [later_json(later) for later in plan.with_later],
        "possible": plan.is_possible,
        "digest": plan.digest,
        "items": [_item_json(item) for item in plan.items],
        "refusals": [
            {"reason": refusal.text, "later": [later_json(later) for later in refusal.later]}
            for refusal in plan.refusals
        ],
        "left": plan.left,
    }


def later_json(later: Later) -> dict[str, Any]:
    return {"change": later.token, "who": later.who, "at": later.at, "text": later.text}


def _item_json(item: Item) -> dict[str, Any]:
    columns = {
        name: {"now": plain(now), "then": plain(then)} for name, (now, then) in _columns(item)
    }
    return {
        "table": item.kind.table,
        "id": plain(item.pk),
        "name": item.name,
        "action": item.action,
        "follows": not item.is_decided,
        "columns": columns,
        "text": sentence(item),
    }


def _columns(item: Item) -> list[tuple[str, tuple[Any, Any]]]:
    """The columns that would say something else; not those that are empty before and after."""
    return [(name, pair) for name, pair in item.columns.items() if pair[0] != pair[1]]


def plain(value: Any) -> Any:
    """A value for JSON."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    return str(value)


def sentence(item: Item) -> str:
    """What happens to the row, in a sentence."""
    if item.action == "create":
        return _("%s is created again.") % item.name
    if item.action == "delete":
        return _("%s is deleted.") % item.name
    parts = [f"{name}: {_short(now)} → {_short(then)}" for name, (now, then) in _columns(item)]
    return f"{item.name}: {', '.join(parts)}"


def _short(value: Any) -> str:
    if value in (None, "", []):
        return NOTHING
    return str(value)


# --- for pages ------------------------------------------------------------------------------------


def item_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Each row with its columns in words."""
    pairs = [
        (item.model, name, value)
        for item in items
        for name, values in item.columns.items()
        for value in values
    ]
    names = Names(pairs)
    return [
        {
            "name": item.name,
            "action": item.action,
            "follows": not item.is_decided,
            "columns": [
                (
                    label(item.model, name),
                    names.text(item.model, name, now),
                    names.text(item.model, name, then),
                )
                for name, (now, then) in _columns(item)
            ],
        }
        for item in items
    ]


def line_rows(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What each line has changed, in words."""
    differences = [(line, line.difference()) for line in lines]
    pairs = [
        (line.model, name, value)
        for line, difference in differences
        for name, values in difference.items()
        for value in values
    ]
    names = Names(pairs)
    return [
        {
            "name": named(line.model, vars(line.record), (line.object_id,)),
            "action": {"+": "create", "~": "change", "-": "delete"}[line.kind],
            "columns": [
                (
                    label(line.model, name),
                    names.text(line.model, name, was),
                    names.text(line.model, name, now),
                )
                for name, (was, now) in difference.items()
                if _short(was) != _short(now)
            ],
        }
        for line, difference in differences
    ]
