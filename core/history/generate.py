"""The triggers that write each line of a table's history, as SQL from the models: they name every
column that the history keeps. `python -m tests.sql_files` writes them, and a test compares them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models

from core.history.writer import WRITTEN_WITH_ORIGIN

_HEADING = """\
-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.
"""
_LINE = """\
    INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            {values},
            {now},
            {kind},
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM {origin};
"""
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {table}_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line {table}%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
{line}    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION {table}_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
{all_lines}    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER {table}_history_insert_delete
    AFTER INSERT OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_update
    AFTER UPDATE ON {table}
    FOR EACH ROW WHEN ({differs})
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_truncate
    BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_history_all();
"""
_SQLITE = """
CREATE TRIGGER {table}_history_{verb}
AFTER {event} ON {table} FOR EACH ROW{condition}
BEGIN
{line}END;
"""
_SQLITE_VERBS = (("insert", "NEW", "+"), ("update", "NEW", "~"), ("delete", "OLD", "-"))
_KIND = "CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END"
_RESERVED = ("limit",)
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


def files() -> dict[Path, str]:
    """Each generated file and what it has to hold, for every app with such tables."""
    found = {}
    for label in sorted(labels()):
        folder = sql_folder(label)
        found[folder / "postgresql" / "written_history.sql"] = _HEADING + "".join(
            map(_postgresql, models_of(label))
        )
        found[folder / "sqlite" / "written_history.sql"] = _HEADING + "".join(
            statement for model in models_of(label) for statement in _sqlite(model)
        )
    return found


def labels() -> set[str]:
    """The apps whose models have such histories; their own app for models of other packages."""
    return {_label(model) for model in WRITTEN_WITH_ORIGIN.values()}


def models_of(label: str) -> list[type[models.Model]]:
    """The models whose history is in the app, by the names of their tables."""
    found = [model for model in WRITTEN_WITH_ORIGIN.values() if _label(model) == label]
    return sorted(found, key=lambda model: model._meta.db_table)


def sql_folder(label: str) -> Path:
    return Path(apps.get_app_config(label).path) / "sql"


def _label(model: type[models.Model]) -> str:
    return _history(model)._meta.app_label


def _history(model: type[models.Model]) -> Any:
    return model.history.model  # type: ignore[attr-defined]


def kept_columns(model: type[models.Model]) -> dict[str, str]:
    """The columns that the history keeps, each with the column of the row that it comes from."""
    fields = {field.name: field.column for field in model._meta.concrete_fields}
    masks: dict[str, str] = model.history_masks  # type: ignore[attr-defined]
    kept = {}
    for field in _history(model).tracked_fields:
        kept[field.column] = fields[masks.get(field.name, field.name)] or ""
    return kept


def _postgresql(model: type[models.Model]) -> str:
    kept = kept_columns(model)
    return _POSTGRESQL.format(
        table=model._meta.db_table,
        differs=_differs("OLD.{0} IS DISTINCT FROM NEW.{0}", kept),
        line=_line(model, "line.", now="clock_timestamp()", kind=_KIND),
        all_lines=_line(
            model,
            "t.",
            now="clock_timestamp()",
            kind="'-'",
            origin=f"{model._meta.db_table} t, history_origin() o",
        ),
    )


def _sqlite(model: type[models.Model]) -> Iterator[str]:
    differs = _differs("OLD.{0} IS NOT NEW.{0}", kept_columns(model))
    conditions = {"update": f"\nWHEN {differs}"}
    for verb, row, kind in _SQLITE_VERBS:
        line = _line(
            model,
            f"{row}.",
            now=_SQLITE_NOW,
            kind=f"'{kind}'",
            origin="history_origin_now o",
        )
        yield _SQLITE.format(
            table=model._meta.db_table,
            verb=verb,
            event=verb.upper(),
            condition=conditions.get(verb, ""),
            line=line,
        )


def _line(
    model: type[models.Model], row: str, *, now: str, kind: str, origin: str = "history_origin() o"
) -> str:
    kept = kept_columns(model)
    return _LINE.format(
        history=_history(model)._meta.db_table,
        columns=_listed(map(_quoted, kept)),
        values=_listed(row + _quoted(source) for source in kept.values()),
        now=now,
        kind=kind,
        origin=origin,
    )


def _differs(shape: str, kept: dict[str, str]) -> str:
    return "\n        OR ".join(map(shape.format, map(_quoted, dict.fromkeys(kept.values()))))


def _quoted(column: str) -> str:
    return f'"{column}"' if column in _RESERVED else column


def _listed(names: Iterable[str]) -> str:
    """Separated by commas, in lines of at most 100 characters."""
    return textwrap.fill(", ".join(names), 86, subsequent_indent=" " * 12)
