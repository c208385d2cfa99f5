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
-- Row by row, so that the conditions keep a statement of the site as cheap as without these
-- triggers. Placing (placing.sql) writes its rows within the statement of the raw SQL, and its
-- lines here. Free rows come and go with pools and move with subnets: they have no line.
CREATE OR REPLACE FUNCTION {table}_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line {table}%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            {values},
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id());
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION {table}_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO {history} (
            {columns},
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    SELECT
            {columns},
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
    FROM {table} WHERE status <> 'available';
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER {table}_history_insert
    AFTER INSERT ON {table}
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND NEW.status <> 'available')
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_update
    AFTER UPDATE ON {table}
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND ({differs}))
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_delete
    AFTER DELETE ON {table}
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND OLD.status <> 'available')
    EXECUTE FUNCTION {table}_history();

CREATE OR REPLACE TRIGGER {table}_history_truncate
    BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_history_all();
"""

_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_history_{verb} AFTER {event} ON {table} FOR EACH ROW
WHEN {condition}(SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
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
# Of an address: what changes without a line, and what does while the address is free.
_CLOCKS = ("created_at", "updated_at", "freed_at")
_PLACE = ("subnet_id", "ip_type", "active")


def files() -> dict[Path, str]:
    """Each generated file and what it has to hold."""
    return {
        FOLDER / "postgresql" / "history.sql": _HEADING + "".join(_postgresql()),
        FOLDER / "sqlite" / "history.sql": _HEADING + "".join(_sqlite()),
    }


def _postgresql() -> Iterator[str]:
    yield _POSTGRESQL_ADDRESSES.format(
        values=_listed(map("line.{}".format, history_columns(IPAddress))),
        differs=_address_differs("IS DISTINCT FROM"),
        **_names(IPAddress),
    )
    for model in TRACKED:
        yield _POSTGRESQL_TABLE.format(**_names(model))


def _sqlite() -> Iterator[str]:
    conditions = {
        "insert": "NEW.status <> 'available'\n    AND ",
        "update": f"({_address_differs('IS NOT')})\n    AND ",
        "delete": "OLD.status <> 'available'\n    AND ",
    }
    yield from _sqlite_triggers(IPAddress, conditions)
    for model in TRACKED:
        differs = _differs("IS NOT", history_columns(model))
        yield from _sqlite_triggers(model, {"update": f"({differs})\n    AND "})


def _sqlite_triggers(model: type[models.Model], conditions: dict[str, str]) -> Iterator[str]:
    for verb, row, kind in _SQLITE_VERBS:
        yield _SQLITE_TRIGGER.format(
            verb=verb,
            event=verb.upper(),
            condition=conditions.get(verb, ""),
            values=_listed(map(f"{row}.{{}}".format, history_columns(model))),
            kind=kind,
            **_names(model),
        )


def _address_differs(sign: str) -> str:
    """Whether a change of an address leaves a line: not that of a clock, and not where a free one
    stands."""
    kept = set(history_columns(IPAddress)) - {"id", *_CLOCKS, *_PLACE}
    always = [column for column in history_columns(IPAddress) if column in kept]
    place = _differs(sign, _PLACE, indent=12)
    return f"{_differs(sign, always)}\n        OR NEW.status <> 'available' AND ({place})"


def _differs(sign: str, columns: Iterable[str], indent: int = 8) -> str:
    shape = f"OLD.{{0}} {sign} NEW.{{0}}"
    return f"\n{' ' * indent}OR ".join(map(shape.format, columns))


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
