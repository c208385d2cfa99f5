"""A plan for people and for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.admin.utils import display_for_field
from django.db import models
from django.utils.translation import gettext as _

from changes.lines import history_of
from changes.undo.items import Item, Later, named
from changes.undo.kinds import EXISTS, among, references
from changes.undo.plan import Plan
from changes.undo.timelines import Step

NOTHING = "–"


Columns = dict[str, tuple[Any, Any]]
Value = tuple[type[models.Model], str, Any]


class Names:
    """What the keys of other rows stand for: one query for each table, two where some are gone."""

    def __init__(self, values: Iterable[Value]) -> None:
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for model, column, value in values:
            target = references(model).get(column)
            if target and value is not None:
                wanted[target].add(value)
        self._found = {target: _names(target, keys) for target, keys in wanted.items()}

    def pairs(self, model: type[models.Model], columns: Columns) -> list[tuple[str, str, str]]:
        """The columns that say something else, with what they say before and after."""
        key = model._meta.pk.attname
        found = []
        for name, (before, after) in columns.items():
            texts = self.text(model, name, before), self.text(model, name, after)
            if name != key and texts[0] != texts[1]:
                found.append((label(model, name), *texts))
        return found

    def text(self, model: type[models.Model], column: str, value: Any) -> str:
        """A value as the pages show it."""
        target = references(model).get(column)
        if target and value is not None:
            return self._found[target].get(value, f"#{value}")
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return [_("No"), _("Yes")][value]
        if isinstance(value, list):
            return ", ".join(map(str, value)) or NOTHING
        return str(display_for_field(value, _field(model, column), NOTHING)) or NOTHING


def _names(target: type[models.Model], keys: set[Any]) -> dict[Any, str]:
    key = target._meta.pk.attname
    rows = {row.pk: row for row in among(target._base_manager.all(), "pk", keys)}
    gone = history_of(target).filter(history_type="-")
    for record in among(gone, key, keys - rows.keys()):
        rows[getattr(record, key)] = record
    return {pk: named(target, vars(row), (pk,)) for pk, row in rows.items()}


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
    """What will happen to each row, in words."""
    names = Names(_values((item.model, item.columns) for item in items))
    return [
        {
            "name": item.name,
            "action": item.action,
            "follows": not item.is_decided,
            "columns": names.pairs(item.model, item.columns),
        }
        for item in items
    ]


def step_rows(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What each line has done to its row, in words; of an address, what people decide."""
    names = Names(_values((step.line.model, _changed(step)) for step in steps))
    return [
        {
            "name": _name(step),
            "action": {"+": "create", "~": "change", "-": "delete"}[step.line.kind],
            "columns": names.pairs(step.line.model, _changed(step)),
        }
        for step in steps
    ]


def _name(step: Step) -> str:
    line = step.line
    return named(line.model, vars(line.record), (line.object_id,))


def _changed(step: Step) -> Columns:
    names = sorted(step.touched - {EXISTS})
    return {name: (step.before.get(name), step.after.get(name)) for name in names}


def _values(rows: Iterable[tuple[type[models.Model], Columns]]) -> Iterator[Value]:
    for model, columns in rows:
        for name, pair in columns.items():
            for value in pair:
                yield model, name, value
