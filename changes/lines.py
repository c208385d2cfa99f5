"""Lines of the log: what the history tables of all models say, in one shape.

A history table holds the whole row after each change; what changed is the difference to the line
before. Lines of one request, command, import or transaction share a change id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Literal

from django.apps import apps
from django.db import models

from core.history import records

Kind = Literal["+", "~", "-"]
CLOCKS = {"created_at", "updated_at"}
# Rows that only their owner and superusers see, by the column that names the owner.
OWNER_COLUMNS = {"events.webhook": "owner_id"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of one table, changed once. `record` is the line of the model's history."""

    model: type[models.Model]
    record: Any
    before: Any = None  # the former line of the same row, if it is known

    @property
    def table(self) -> str:
        """The model in the log's words, as in `ipam.ipaddress`."""
        return self.model._meta.label_lower

    @property
    def key(self) -> str:
        """Names the line for ever: `ipam.ipaddress:5123`."""
        return f"{self.table}:{self.record.history_id}"

    @property
    def object_id(self) -> Any:
        """The key of the row that was changed."""
        return getattr(self.record, self.model._meta.pk.attname)

    @property
    def kind(self) -> Kind:
        return self.record.history_type

    @property
    def at(self) -> Any:
        return self.record.history_date

    @property
    def change(self) -> str:
        """The id that it shares with the other lines of its change; empty if it has none."""
        return self.record.history_change or ""

    @property
    def who(self) -> str:
        return records.who(self.record)

    @property
    def source(self) -> str:
        return self.record.history_source or ""

    def difference(self) -> dict[str, tuple[Any, Any]]:
        """The columns that differ: the value before (None for a new row) and after (None for a
        deleted one). `before` must be filled, except for a new row."""
        old, new = self.before, self.record
        if self.kind == "-":
            old, new = self.record, None
        found = {}
        for column in compared_columns(self.model):
            was, now = getattr(old, column, None), getattr(new, column, None)
            if was != now:
                found[column] = (was, now)
        return found


def tracked_models() -> list[type[models.Model]]:
    """Every model with a history, rows between two others included, in the order of their names."""
    return list(_managers())


def history_of(model: type[models.Model]) -> models.QuerySet:
    """The lines of a model's history."""
    return _managers()[model].all()


@cache
def _managers() -> dict[type[models.Model], Any]:
    """The histories by their models: making one takes milliseconds."""
    models_of_all = apps.get_models(include_auto_created=True)
    found = {}
    for model in sorted(models_of_all, key=attrgetter("_meta.label_lower")):
        if hasattr(model, "history"):
            found[model] = model.history
    return found


def compared_columns(model: type[models.Model]) -> list[str]:
    """The columns whose change is told: not the clocks of the row itself."""
    fields = _managers()[model].model.tracked_fields
    return [field.attname for field in fields if field.attname not in CLOCKS]


def lines_of(change: str) -> list[Line]:
    """All lines of a change, in the order in which they were written, each with the one before."""
    found: list[Line] = []
    for model in tracked_models():
        rows = history_of(model).filter(history_change=change).order_by("history_id")
        lines = [Line(model, row) for row in rows.select_related("history_user")]
        found += with_before(lines)
    return sorted(found, key=lambda line: (line.at, line.table, line.record.history_id))


def with_before(lines: Iterable[Line]) -> list[Line]:
    """The lines, each with the former line of its row; one query for each model among them."""
    chosen = list(lines)
    of_models: dict[Any, list[int]] = defaultdict(list)
    for line in chosen:
        of_models[line.model].append(line.record.history_id)
    former: dict[str, Any] = {}
    for model, line_ids in of_models.items():
        former |= _former(model, line_ids)
    return [Line(line.model, line.record, former.get(line.key)) for line in chosen]


def _former(model: type[models.Model], line_ids: list[int]) -> dict[str, Any]:
    """The former lines by the names of these."""
    key = model._meta.pk.attname
    earlier = (
        history_of(model)
        .filter(**{key: models.OuterRef(key)}, history_id__lt=models.OuterRef("history_id"))
        .order_by("-history_id")
        .values("history_id")[:1]
    )
    pairs = (
        history_of(model)
        .filter(history_id__in=line_ids)
        .annotate(former=models.Subquery(earlier))
        .values_list("history_id", "former")
    )
    known = history_of(model).in_bulk([former for _line, former in pairs if former])
    table = model._meta.label_lower
    return {f"{table}:{line}": known[former] for line, former in pairs if former}
