"""Write the SQL files that follow from the models: the history triggers, which name every column
that the history of a table keeps. `python -m tests.sql_files` writes them, and a test compares them
with the models."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import models

from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet

FOLDER = Path(__file__).parent
TRACKED: tuple[type[models.Model], ...] = (VRF, Subnet, Pool, Server, Interface)

_HEADING = """\
-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that raw SQL inserts, changes or deletes; the site writes its own
-- lines. history_change_reason names who it was: the login role, whatever SET ROLE says, in a form
-- that cannot be mistaken for a user of the site.
"""

_POSTGRESQL_TABLE = """
CREATE OR REPLACE FUNCTION {table}_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            {columns},
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            {columns},
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            {columns}
            FROM new_rows
            EXCEPT
            SELECT
            {columns}
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            {columns},
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            {columns},
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM {table};
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER {table}_history_insert
    AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_update
    AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_delete
    AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_truncate
    BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_history();
"""

_POSTGRESQL_ADDRESSES = """
-- For placing.sql, which writes address rows itself: a line for each of these rows as it stands.
CREATE OR REPLACE FUNCTION write_{table}_history(row_ids bigint[], kind text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    SELECT
            {columns},
            clock_timestamp(), kind, session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
    FROM {table} WHERE id IN (SELECT unnest(row_ids));
END
$$;
"""

_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_history_{verb} AFTER {event} ON {table} FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261{condition}
BEGIN
    INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            {values},
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '{kind}', 'SQL',
            'sql', 'SQL', NULL);
END;
"""
_SQLITE_VERBS = (("insert", "NEW", "+"), ("update", "NEW", "~"), ("delete", "OLD", "-"))


def files() -> dict[Path, str]:
    """Each generated file and what it has to hold."""
    return {
        FOLDER / "postgresql" / "history.sql": _HEADING + "".join(_postgresql()),
        FOLDER / "sqlite" / "history.sql": _HEADING + "".join(_sqlite()),
    }


def _postgresql() -> Iterator[str]:
    yield _POSTGRESQL_ADDRESSES.format(**_names(IPAddress))
    for model in TRACKED:
        yield _POSTGRESQL_TABLE.format(**_names(model))


def _sqlite() -> Iterator[str]:
    for model in TRACKED:
        kept = history_columns(model)
        differs = "\n        OR ".join(map("OLD.{0} IS NOT NEW.{0}".format, kept))
        conditions = {"update": f"\n    AND ({differs})"}
        for verb, row, kind in _SQLITE_VERBS:
            yield _SQLITE_TRIGGER.format(
                verb=verb,
                event=verb.upper(),
                condition=conditions.get(verb, ""),
                values=_listed(map(f"{row}.{{}}".format, kept)),
                kind=kind,
                **_names(model),
            )


def _names(model: type[models.Model]) -> dict[str, str]:
    return {
        "table": model._meta.db_table,
        "history": model.history.model._meta.db_table,  # type: ignore[attr-defined]
        "columns": _listed(history_columns(model)),
    }


def _listed(names: Iterable[str]) -> str:
    """Separated by commas, in lines of at most 100 characters."""
    return textwrap.fill(", ".join(names), 86, subsequent_indent=" " * 12)


def history_columns(model: type[models.Model]) -> list[str]:
    """The columns of the model's table that its history keeps."""
    history: Any = model.history  # type: ignore[attr-defined]
    return [field.column for field in history.model.tracked_fields]
