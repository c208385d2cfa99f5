"""The tables whose lines are sealed."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models import Model

from api.security.models import SecurityEvent
from changes.lines import history_of, tracked_models

_GREATEST = "SELECT '{table}', max({key}) FROM {quoted}"
FURTHER: list[type[Model]] = [SecurityEvent]  # tables of lines that are no history


@cache
def sealed_tables() -> dict[str, type[Model]]:
    """Every table of lines, by its name."""
    found: list[Any] = list(FURTHER)
    for model in tracked_models():
        found.append(history_of(model).model)
    found.sort(key=_name)
    return dict(zip(map(_name, found), found, strict=True))


def _name(model: type[models.Model]) -> str:
    return model._meta.db_table


@cache
def maxima_statement() -> str:
    """The greatest number of a line in each table, by one statement: a look into each index."""
    quote = connection.ops.quote_name
    parts = []
    for table, model in sealed_tables().items():
        key = quote(model._meta.pk.column or "")
        parts.append(_GREATEST.format(table=table, key=key, quoted=quote(table)))
    return " UNION ALL ".join(parts)
