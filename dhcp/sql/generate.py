"""Write the SQL files that follow from the models: the triggers that note changes, which name the
columns that matter to dnsmasq (`outbox.RELEVANT`). `python -m tests.sql_files` writes them, and a
test compares them with the models."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django.db import models
from django.utils import translation

from dhcp.models import DhcpOption, DhcpScope, DhcpServer
from dhcp.outbox import ONE_BY_ONE, RELEVANT
from ipam.fields import AddressField, NetworkField, sqlite_address, sqlite_network
from ipam.models import Interface, Pool, Server, Subnet
from names.models import NamesOff, Record, Zone

FOLDER = Path(__file__).parent
Printer = Callable[[models.Field, str], str]  # SQL that prints a column as Python would

_HEADING = """\
-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A row of dhcp_changes for every row that raw SQL inserts, changes or deletes, if dnsmasq has to
-- learn of it, in the words of dhcp/outbox.py, which notes what the site itself writes.
"""

_OF_SUBNET = """\
coalesce(
                    (SELECT rtrim({subnet} || ' ' || s.name)
                     FROM subnets s WHERE s.id = r.subnet_id),
                    'subnet ' || r.subnet_id)"""
# How `outbox` names the row `r`; a name in braces is printed as Python would.
_LABELS: dict[type[models.Model], str] = {
    Server: "r.hostname",
    Interface: """\
coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = r.server_id),
                    'server ' || r.server_id) || ' ' || r.name""",
    Subnet: "rtrim({network} || ' ' || r.name)",
    Pool: "{first} || '-' || {last}",
    DhcpScope: _OF_SUBNET,
    DhcpOption: "r.number || ': ' || r.value",
    DhcpServer: "r.name",
    Zone: "r.name",
    Record: "r.name || ' ' || r.type || ' ' || r.value",
    NamesOff: _OF_SUBNET,
}


def files() -> dict[Path, str]:
    """Each generated file and what it has to hold."""
    with translation.override("en"):
        return {
            FOLDER / "postgresql" / "changes.sql": _HEADING + "".join(_postgresql()),
            FOLDER / "sqlite" / "changes.sql": _HEADING + "".join(_sqlite()),
        }


# --- PostgreSQL: once for a statement -------------------------------------------------------------

_POSTGRESQL_TABLE = """
CREATE OR REPLACE FUNCTION {table}_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                {label} AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r{if_relevant}
        ){insertion}
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN {old_label}
                    ELSE {new_label} END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        {differences}
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR ({old_columns})
                IS DISTINCT FROM ({new_columns})){and_relevant}
        ){insertion}
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                {label} AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r{if_relevant}
        ){insertion}
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all {plural}', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM {table});
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER {table}_dhcp_change_insert
    AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_dhcp_change();

CREATE OR REPLACE TRIGGER {table}_dhcp_change_update
    AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_dhcp_change();

CREATE OR REPLACE TRIGGER {table}_dhcp_change_delete
    AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_dhcp_change();

CREATE OR REPLACE TRIGGER {table}_dhcp_change_truncate
    BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION {table}_dhcp_change();
"""

# A statement that changes many rows is one change of the ledger.
_POSTGRESQL_INSERTION = """, noted AS (
            SELECT '{kind}' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= {many}
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' {plural}', 'change', ''
            FROM changed HAVING count(*) > {many}
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;"""

_POSTGRESQL_DIFFERENCE_FUNCTION = """
-- `name: before -> after`; NULL where both are the same.
CREATE OR REPLACE FUNCTION dhcp_difference(name text, before text, after text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN before IS DISTINCT FROM after
        THEN name || ': ' || coalesce(before, 'None') || ' -> ' || coalesce(after, 'None') END
$$;
"""


def _postgresql() -> Iterator[str]:
    yield _POSTGRESQL_DIFFERENCE_FUNCTION
    for model, names in RELEVANT.items():
        words = _words(model)
        yield _POSTGRESQL_TABLE.format(
            label=_label(model, "r", _postgresql_text),
            old_label=_label(model, "o", _postgresql_text),
            new_label=_label(model, "n", _postgresql_text),
            differences=",\n                        ".join(_postgresql_differences(model)),
            old_columns=_listed(map("o.{}".format, names)),
            new_columns=_listed(map("n.{}".format, names)),
            if_relevant=_only_dhcp_pools(model, " WHERE r.kind = 'dhcp'"),
            and_relevant=_only_dhcp_pools(model, " AND 'dhcp' IN (o.kind, n.kind)"),
            insertion=_POSTGRESQL_INSERTION.format(**words),
            **words,
        )


def _postgresql_differences(model: type[models.Model]) -> Iterator[str]:
    for field in _relevant_fields(model):
        name = field.attname
        before, after = _postgresql_text(field, f"o.{name}"), _postgresql_text(field, f"n.{name}")
        yield f"dhcp_difference('{name}', {before}, {after})"


def _postgresql_text(field: models.Field, column: str) -> str:
    if isinstance(field, AddressField):
        return f"host({column})"
    if isinstance(field, models.BooleanField):
        return f"initcap({column}::text)"
    return f"{column}::text"


# --- SQLite: once for a row -----------------------------------------------------------------------

_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_dhcp_change_{verb} AFTER {verb_upper} ON {table} FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261{and_relevant}
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT '{kind}', {row}.id,
        substr({label}, 1, 255),
        '{action}',
        {detail},
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < {many};
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > {many};
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than {many} rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= {many};
END;
"""
_SQLITE_DIFFERENCE = """\
CASE WHEN OLD.{name} IS NOT NEW.{name}
            THEN ', {name}: ' || {before}
                || ' -> ' || {after}
            ELSE '' END"""


def _sqlite() -> Iterator[str]:
    for model, names in RELEVANT.items():
        differs = "\n        OR ".join(map("OLD.{0} IS NOT NEW.{0}".format, names))
        differences = "\n        || ".join(_sqlite_differences(model))
        yield _sqlite_trigger(
            model,
            "add",
            and_relevant=_only_dhcp_pools(model, "\n    AND NEW.kind = 'dhcp'"),
        )
        yield _sqlite_trigger(
            model,
            "change",
            and_relevant=f"\n    AND ({differs})"
            + _only_dhcp_pools(model, "\n    AND 'dhcp' IN (OLD.kind, NEW.kind)"),
            detail=f"substr({differences}, 3, 500)",
        )
        yield _sqlite_trigger(
            model,
            "delete",
            and_relevant=_only_dhcp_pools(model, "\n    AND OLD.kind = 'dhcp'"),
        )


_SQLITE_VERBS = {"add": ("insert", "NEW"), "change": ("update", "NEW"), "delete": ("delete", "OLD")}


def _sqlite_trigger(
    model: type[models.Model], action: str, and_relevant: str, detail: str = "''"
) -> str:
    verb, row = _SQLITE_VERBS[action]
    return _SQLITE_TRIGGER.format(
        verb=verb,
        verb_upper=verb.upper(),
        row=row,
        label=_label(model, row, _sqlite_text),
        action=action,
        detail=detail,
        and_relevant=and_relevant,
        **_words(model),
    )


def _sqlite_differences(model: type[models.Model]) -> Iterator[str]:
    for field in _relevant_fields(model):
        name = field.attname
        before, after = _sqlite_text(field, f"OLD.{name}"), _sqlite_text(field, f"NEW.{name}")
        yield _SQLITE_DIFFERENCE.format(name=name, before=before, after=after)


def _sqlite_text(field: models.Field, column: str) -> str:
    if isinstance(field, NetworkField):
        shown = sqlite_network(column)
    elif isinstance(field, AddressField):
        shown = sqlite_address(column)
    elif isinstance(field, models.BooleanField):
        shown = f"CASE {column} WHEN 0 THEN 'False' WHEN 1 THEN 'True' END"
    else:
        shown = column
    return f"coalesce({shown}, 'None')"


# --- both -----------------------------------------------------------------------------------------


def _listed(names: Iterable[str]) -> str:
    """Separated by commas, in lines of at most 100 characters."""
    return textwrap.fill(", ".join(names), 76, subsequent_indent=" " * 20)


def _words(model: type[models.Model]) -> dict[str, str]:
    return {
        "table": model._meta.db_table,
        "kind": model._meta.model_name or "",
        "plural": str(model._meta.verbose_name_plural),
        "many": str(ONE_BY_ONE),
    }


def _only_dhcp_pools(model: type[models.Model], condition: str) -> str:
    """IPManager itself hands out the addresses of static pools; dnsmasq does not know them."""
    if model is Pool:
        return condition
    return ""


def _relevant_fields(model: type[models.Model]) -> list[models.Field]:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return list(map(fields.__getitem__, RELEVANT[model]))


def _label(model: type[models.Model], row: str, text: Printer) -> str:
    """SQL for the name of a row, which is called `row` there."""
    printed = {
        field.name: text(field, f"r.{field.column}") for field in model._meta.concrete_fields
    }
    printed["subnet"] = text(Subnet._meta.get_field("network"), "s.network")
    return re.sub(r"\br\.", f"{row}.", _LABELS[model].format(**printed))
