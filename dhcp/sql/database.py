"""Change rows for what comes by raw SQL, a copy of every row for each further server, and a NOTIFY;
installed after every migrate.

`outbox` notes what this site writes; these triggers note the rest, by the same list of columns
(`outbox.RELEVANT`)."""

import re
from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.db import connections, models
from django.utils import translation

from core import triggers
from core.triggers import AT_ONCE, LATER, SQLITE_BY_HAND, SQLITE_WHO, WHO, Function, Trigger
from dhcp.models import DhcpOption, DhcpScope, DhcpServer
from dhcp.outbox import ONE_BY_ONE, RELEVANT
from ipam.fields import AddressField, NetworkField, sqlite_address, sqlite_network
from ipam.models import Interface, Pool, Server, Subnet
from ipam.sql import database

CHANNEL = "dhcp_changes"

# How `outbox` would call the row `r`.
_LABELS: dict[type[models.Model], str] = {
    Server: "r.hostname",
    Interface: "coalesce((SELECT h.hostname FROM hosts h WHERE h.id = r.server_id), 'server ' || r.server_id)"
    " || ' ' || r.name",
    Subnet: "rtrim({network} || ' ' || r.name)",
    Pool: "{first} || '-' || {last}",
    DhcpScope: "coalesce((SELECT rtrim({subnet} || ' ' || s.name) FROM subnets s WHERE s.id = r.subnet_id),"
    " 'subnet ' || r.subnet_id)",
    DhcpOption: "r.number || ': ' || r.value",
    DhcpServer: "r.name",
}

# Static pools are handed out by us; dnsmasq never hears of them.
_CONCERNS: dict[type[models.Model], str] = {
    Pool: "'dhcp' IN (coalesce({o}kind, ''), coalesce({n}kind, ''))"
}


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: make what is missing."""
    connection = connections[using]
    with translation.override("en"):
        if connection.vendor == "postgresql":
            made = [function.sql for function in _functions()]
            made += [trigger.sql for trigger in _triggers()]
            triggers.install(connection, "dhcp", made)
        else:
            made = [part.sql.replace(" OR REPLACE", "") for part in _sqlite_triggers()]
            triggers.install(connection, "dhcp", made)
    database.install_on_delete(app_config, using)


# --- PostgreSQL: once for a statement -------------------------------------------------------------

_BODY = """
DECLARE
    who text := {who};
BEGIN
    IF TG_OP = 'INSERT' THEN
        {insert}
    ELSIF TG_OP = 'UPDATE' THEN
        {update}
    ELSIF TG_OP = 'DELETE' THEN
        {delete}
    ELSE
        {at_once}
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all {plural}', who WHERE EXISTS (SELECT FROM {table});
        {later}
    END IF;
    RETURN NULL;
END
"""
_NOTE = """WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id, {label} AS label,
                CASE WHEN o.id IS NULL THEN 'add' WHEN n.id IS NULL THEN 'delete' ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN '' ELSE concat_ws(', ', {differences}) END AS detail
            FROM {rows}
            WHERE (o.id IS NULL OR n.id IS NULL OR ({old}) IS DISTINCT FROM ({new})){concerns}
        ), told AS (
            SELECT '{kind}' AS kind, id, left(label, 255) AS label, action, left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= {few}
            UNION ALL SELECT 'ledger', NULL, count(*) || ' {plural}', 'change', '' FROM changed HAVING count(*) > {few}
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, who FROM told ORDER BY id;"""
_ROWS = {
    "insert": "new_rows n LEFT JOIN {table} o ON false",
    "update": "new_rows n FULL JOIN old_rows o ON o.id = n.id",
    "delete": "old_rows o LEFT JOIN {table} n ON false",
}
_COPIED = "kind, object_id, label, action, detail, who, at"
# The copies come here, too; of a row with a server there is none.
_TELL = f"""
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE server_id IS NULL) THEN
        INSERT INTO dhcp_changes (server_id, {_COPIED})
        SELECT s.id, {", ".join(f"n.{column}" for column in _COPIED.split(", "))}
        FROM new_rows n CROSS JOIN dhcp_servers s WHERE n.server_id IS NULL AND s.enabled ORDER BY n.id;
    END IF;
    PERFORM pg_notify('{CHANNEL}', '');
    RETURN NULL;
END
"""
_AFTER = (
    "AFTER INSERT ON dhcp_changes REFERENCING NEW TABLE AS new_rows "
    "FOR EACH STATEMENT EXECUTE FUNCTION dhcp_changes_tell()"
)
_DIFFERENCE = "CASE WHEN o.{column} IS DISTINCT FROM n.{column} THEN '{column}: ' || {before} || ' -> ' || {after} END"


def _functions() -> Iterator[Function]:
    for model in RELEVANT:
        yield Function(_name(model), _body(model))
    yield Function("dhcp_changes_tell", _TELL)


def _triggers() -> Iterator[Trigger]:
    for model in RELEVANT:
        yield from triggers.statement_triggers(_name(model), model._meta.db_table, _name(model))
    # Whoever wrote them: a listener hears of it when the transaction commits, and never if it does
    # not.
    yield Trigger("dhcp_changes_tell", "dhcp_changes", _AFTER)


def _name(model: type[models.Model]) -> str:
    return f"{model._meta.db_table}_noted"


def _body(model: type[models.Model]) -> str:
    facts = {"table": model._meta.db_table, "plural": model._meta.verbose_name_plural}
    notes = {verb: _note(model, rows.format(**facts)) for verb, rows in _ROWS.items()}
    return _BODY.format(who=WHO, at_once=AT_ONCE, later=LATER, **facts, **notes)


def _note(model: type[models.Model], rows: str) -> str:
    names = RELEVANT[model]
    concerns = _CONCERNS.get(model, "true").format(o="o.", n="n.")
    return _NOTE.format(
        label=f"CASE WHEN n.id IS NULL THEN {_label(model, 'o', _text)} ELSE {_label(model, 'n', _text)} END",
        differences=",\n                    ".join(
            _difference(_field(model, name)) for name in names
        ),
        rows=rows,
        old=", ".join(f"o.{name}" for name in names),
        new=", ".join(f"n.{name}" for name in names),
        concerns="" if concerns == "true" else f" AND {concerns}",
        kind=model._meta.model_name,
        plural=model._meta.verbose_name_plural,
        few=ONE_BY_ONE,
    )


def _difference(field: models.Field) -> str:
    name = field.attname
    return _DIFFERENCE.format(
        column=name, before=_text(field, f"o.{name}"), after=_text(field, f"n.{name}")
    )


def _text(field: models.Field, column: str) -> str:
    """The value as Python would print it."""
    if isinstance(field, AddressField):
        shown = f"host({column})"
    elif isinstance(field, models.BooleanField):
        shown = f"initcap({column}::text)"
    else:
        shown = f"{column}::text"
    return f"coalesce({shown}, 'None')"


# --- SQLite: once for a row -----------------------------------------------------------------------

_SQLITE_NOTE = """BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT '{kind}', {row}.id, substr({label}, 1, 255), '{action}', {detail}, {who}
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = {who} AND server_id IS NULL) < {few};
    INSERT INTO dhcp_changes (kind, label, who) SELECT 'ledger', 'more than {few} rows', {who}
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = {who} AND server_id IS NULL) = {few};
END"""
_SQLITE_COPY = f"""AFTER INSERT ON dhcp_changes FOR EACH ROW WHEN NEW.server_id IS NULL BEGIN
    INSERT INTO dhcp_changes (server_id, {_COPIED})
    SELECT s.id, {", ".join(f"NEW.{column}" for column in _COPIED.split(", "))} FROM dhcp_servers s WHERE s.enabled;
END"""


def _sqlite_triggers() -> Iterator[Trigger]:
    yield Trigger("dhcp_changes_copied", "dhcp_changes", _SQLITE_COPY)
    for model in RELEVANT:
        table, concerns = model._meta.db_table, _CONCERNS.get(model, "true")
        yield _sqlite_trigger(
            model, "add", f"AFTER INSERT ON {table}", "NEW", concerns.replace("{o}", "NEW.")
        )
        yield _sqlite_trigger(
            model, "delete", f"AFTER DELETE ON {table}", "OLD", concerns.replace("{n}", "OLD.")
        )
        differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in RELEVANT[model])
        yield _sqlite_trigger(
            model, "change", f"AFTER UPDATE ON {table}", "NEW", f"({differs}) AND {concerns}"
        )


def _sqlite_trigger(
    model: type[models.Model], action: str, event: str, row: str, when: str
) -> Trigger:
    note = _SQLITE_NOTE.format(
        kind=model._meta.model_name,
        row=row,
        label=_label(model, row, _sqlite_text),
        action=action,
        detail=_sqlite_detail(model) if action == "change" else "''",
        who=SQLITE_WHO,
        few=ONE_BY_ONE,
    )
    condition = when.format(o="OLD.", n="NEW.")
    text = f"{event} FOR EACH ROW WHEN {SQLITE_BY_HAND} AND {condition} {note}"
    return Trigger(f"{_name(model)}_{action}", model._meta.db_table, text)


def _sqlite_detail(model: type[models.Model]) -> str:
    parts = []
    for name in RELEVANT[model]:
        before, after = (
            _sqlite_text(_field(model, name), f"{row}.{name}") for row in ("OLD", "NEW")
        )
        parts.append(
            f"CASE WHEN OLD.{name} IS NOT NEW.{name} THEN ', {name}: ' || {before} || ' -> ' || {after} ELSE '' END"
        )
    return f"substr({' || '.join(parts)}, 3, 500)"


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


def _label(model: type[models.Model], row: str, text: Any) -> str:
    shown = {field.name: text(field, f"r.{field.column}") for field in model._meta.concrete_fields}
    shown["subnet"] = text(_field(Subnet, "network"), "s.network")
    return re.sub(r"\br\.", f"{row}.", _LABELS[model].format(**shown))


def _field(model: type[models.Model], name: str) -> models.Field:
    return next(field for field in model._meta.concrete_fields if field.attname == name)
