"""A plan for people and for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap
from operator import attrgetter
from typing import Any

from django.contrib.admin.utils import display_for_field
from django.db import models
from django.utils.translation import gettext as _

from changes.lines import history_of
from changes.undo.items import Item, Later, Refusal, line_name, named
from changes.undo.kinds import Columns, among, references
from changes.undo.plan import Plan
from changes.undo.timelines import Step

NOTHING = "–"
_ACTIONS = {"+": "create", "~": "change", "-": "delete"}


class Names:
    """What the keys of other rows stand for: one query for each table, two where some are gone."""

    def __init__(self, rows: Iterable[tuple[type[models.Model], Columns]]) -> None:
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for model, columns in rows:
            for column, target in references(model).items():
                wanted[target].update(columns.get(column, ()))
        self._found = {target: _names(target, keys - {None}) for target, keys in wanted.items()}

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
        if value is None:
            return NOTHING
        if target := references(model).get(column):
            return self._found[target].get(value, f"#{value}")
        if isinstance(value, bool):
            return [_("No"), _("Yes")][value]
        if isinstance(value, list):
            return ", ".join(map(str, value)) or NOTHING
        return str(display_for_field(value, _field(model, column), NOTHING)) or NOTHING


def _names(target: type[models.Model], keys: set[Any]) -> dict[Any, str]:
    key = target._meta.pk.attname
    rows = list(among(target._base_manager.all(), "pk", keys))
    gone = keys.difference(map(attrgetter("pk"), rows))
    rows += among(history_of(target).filter(history_type="-"), key, gone)
    found = {}
    for row in rows:
        pk = getattr(row, key)
        found[pk] = named(target, vars(row), (pk,))
    return found


def _field(model: type[models.Model], column: str) -> Any:
    return model._meta.get_field(column)


def label(model: type[models.Model], column: str) -> str:
    """The column's name for people."""
    return str(_field(model, column).verbose_name)


# --- for programs ---------------------------------------------------------------------------------


def as_json(plan: Plan) -> dict[str, Any]:
    return {
        "change": plan.change,
        "with_later": list(map(later_json, plan.with_later)),
        "possible": plan.is_possible,
        "digest": plan.digest,
        "items": list(map(item_json, plan.items)),
        "refusals": list(map(_refusal_json, plan.refusals)),
        "left": plan.left,
    }


def _refusal_json(refusal: Refusal) -> dict[str, Any]:
    return {"reason": refusal.text, "later": list(map(later_json, refusal.later))}


def later_json(later: Later) -> dict[str, Any]:
    return {"change": later.token, "who": later.who, "at": later.at, "text": later.text}


def item_json(item: Item) -> dict[str, Any]:
    columns = {}
    for name, now, then in _columns(item):
        columns[name] = {"now": plain(now), "then": plain(then)}
    return {
        "table": item.kind.table,
        "id": plain(item.pk),
        "name": item.name,
        "action": item.action,
        "follows": not item.is_decided,
        "columns": columns,
        "text": sentence(item),
    }


def _columns(item: Item) -> Iterator[tuple[str, Any, Any]]:
    """The columns that would say something else; not those that are empty before and after."""
    for name, (now, then) in item.columns.items():
        if now != then:
            yield name, now, then


def plain(value: Any) -> Any:
    """A value for JSON."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return list(map(plain, value))
    return str(value)


def sentence(item: Item) -> str:
    """What happens to the row, in a sentence."""
    if item.action == "create":
        return _("%s is created again.") % item.name
    if item.action == "delete":
        return _("%s is deleted.") % item.name
    return f"{item.name}: {', '.join(starmap(_part, _columns(item)))}"


def _part(name: str, now: Any, then: Any) -> str:
    return f"{name}: {_short(now)} → {_short(then)}"


def _short(value: Any) -> str:
    if value in (None, "", []):
        return NOTHING
    return str(value)


# --- for pages ------------------------------------------------------------------------------------


def item_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    """What will happen to each row, in words."""
    names = Names(map(attrgetter("model", "columns"), items))
    rows = []
    for item in items:
        columns = names.pairs(item.model, item.columns)
        facts = {"name": item.name, "action": item.action, "follows": not item.is_decided}
        rows.append({**facts, "columns": columns})
    return rows


def step_rows(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What each line has done to its row, in words; of an address, what people decide."""
    names = Names(map(attrgetter("line.model", "columns"), steps))
    rows = []
    for step in steps:
        columns = names.pairs(step.line.model, step.columns)
        facts = {"name": line_name(step.line), "action": _ACTIONS[step.line.kind]}
        rows.append({**facts, "columns": columns})
    return rows
