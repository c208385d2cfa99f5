"""Functions and triggers in the database: made where they are missing or other than they should be,
else not touched.

Most of them watch what comes by raw SQL, from psql or a script, and stay away from what this site
writes: its own verbs have seen to rows, history and notices already. On PostgreSQL the site says so
once in each transaction (`SAY_SITE`, in the same round trip as the ledger's lock), which holds
behind any connection pool; on SQLite once for each connection, by a setting that only ANALYZE would
look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

SAY_SITE = "SET LOCAL ipmanager.writer = 'site'"
_SQLITE_SITE = 20_261
BY_HAND = "(current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')"
SQLITE_BY_HAND = f"(SELECT analysis_limit FROM pragma_analysis_limit) <> {_SQLITE_SITE}"

# Whose work it was: the login role, whatever SET ROLE says. It must not be taken for a user of the
# site.
WHO = "session_user || ' (SQL)'"
SQLITE_WHO = "'SQL'"
# Around what is written before a TRUNCATE: a foreign key that is checked at the commit would look
# for rows that the same TRUNCATE may have taken away.
AT_ONCE, LATER = "SET CONSTRAINTS ALL IMMEDIATE;", "SET CONSTRAINTS ALL DEFERRED;"
MANY = 100  # a statement that touches more rows is told as one
OWNERS = ("ipam", "dhcp")
SCHEMA = "%(schema)s"  # within a literal in a function's body: the schema of our tables


@dataclass(frozen=True, slots=True)
class Function:
    """A function of PostgreSQL in PL/pgSQL. It acts with the rights of the site's role: whoever may
    write a server need not be allowed to write history. One that names the schema itself needs no
    search path, which takes longer to set than a short function to run."""

    name: str
    body: str
    signature: str = "() RETURNS trigger"

    def sql(self, schema: str) -> str:
        path = "" if self.names_schemas else f"SET search_path = {schema}, pg_temp "
        return (
            f"CREATE OR REPLACE FUNCTION {self.name}{self.signature} LANGUAGE plpgsql "
            f"SECURITY DEFINER {path}AS $ipmanager${self.text(schema)}$ipmanager$"
        )

    def text(self, schema: str) -> str:
        return self.body.replace(SCHEMA, schema.replace("'", "''"))

    @property
    def names_schemas(self) -> bool:
        return SCHEMA in self.body


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger; `text` is what follows its name."""

    name: str
    table: str
    text: str


def statement_triggers(name: str, table: str, function: str) -> Iterator[Trigger]:
    """PostgreSQL: call the function once for each statement by hand, with all its rows in old_rows
    and new_rows.

    TRUNCATE has no such rows: the function comes before it, while the table still has them.
    """
    rows = {
        "insert": "REFERENCING NEW TABLE AS new_rows",
        "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "delete": "REFERENCING OLD TABLE AS old_rows",
        "truncate": "",
    }
    for verb, these in rows.items():
        when = "BEFORE" if verb == "truncate" else "AFTER"
        text = f"{when} {verb.upper()} ON {table} {these} FOR EACH STATEMENT WHEN {BY_HAND} EXECUTE FUNCTION {function}()"
        yield Trigger(f"{name}_{verb}", table, text)


def columns(model: type[models.Model]) -> list[str]:
    """The columns of the model's table that its history keeps."""
    return [field.column for field in model.history.model.tracked_fields]  # type: ignore[attr-defined]


def install(
    connection: BaseDatabaseWrapper,
    owner: str,
    functions: Sequence[Function],
    triggers: Sequence[Trigger],
) -> None:
    """Make what `owner` wants to be there, and drop what he once made and wants no more."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            _install_postgresql(cursor, owner, functions, triggers)
    else:
        with connection.cursor() as cursor:
            _install_sqlite(cursor, owner, triggers)


def remove(connection: BaseDatabaseWrapper, owner: str) -> None:
    """Make way for a migration: a trigger that names a column of yesterday would refuse every
    write, and SQLite makes a changed table anew. `install` comes after every migration."""
    install(connection, owner, [], [])


# --- PostgreSQL: what a thing was made from is written in its comment -----------------------------

_THERE = """
SELECT 'FUNCTION ' || p.oid::regprocedure, d.description, p.prosrc
FROM pg_proc p JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
WHERE p.pronamespace = current_schema()::regnamespace AND d.description LIKE %(mine)s
UNION ALL
SELECT 'TRIGGER ' || quote_ident(t.tgname) || ' ON ' || t.tgrelid::regclass, d.description, ''
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = current_schema()::regnamespace
JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
WHERE d.description LIKE %(mine)s
"""


def _install_postgresql(
    cursor: Any, owner: str, functions: Sequence[Function], triggers: Sequence[Trigger]
) -> None:
    cursor.execute("SELECT quote_ident(current_schema())")
    (schema,) = cursor.fetchone()
    cursor.execute(_THERE, {"mine": f"ipmanager {owner} %"})
    there = {name: (comment, body) for name, comment, body in cursor.fetchall()}
    wanted = dict(_made_of_functions(schema, functions)) | dict(_made_of_triggers(triggers))
    stale = [
        name for name, (sql, body) in wanted.items() if there.get(name) != (_mark(owner, sql), body)
    ]
    gone = [name for name in there if name not in wanted]
    if not stale and not gone:
        return
    with transaction.atomic():
        for name in sorted(gone, reverse=True):  # triggers before the functions that they call
            cursor.execute(f"DROP {name}")
        for name in stale:
            sql, _body = wanted[name]
            cursor.execute(sql)
            cursor.execute(f"COMMENT ON {name} IS '{_mark(owner, sql)}'")


def _made_of_functions(
    schema: str, functions: Sequence[Function]
) -> Iterator[tuple[str, tuple[str, str]]]:
    for function in functions:
        arguments = function.signature.partition(")")[0].strip("(")
        types = ",".join(
            argument.split(maxsplit=1)[1] for argument in arguments.split(", ") if argument
        )
        name = f"FUNCTION {function.name}({types})"
        # They act with our rights: whoever could call them, or put them behind a table of his own,
        # had these too. A trigger asks for no right to its function when it fires.
        yield (
            name,
            (f"{function.sql(schema)}; REVOKE ALL ON {name} FROM PUBLIC", function.text(schema)),
        )


def _made_of_triggers(triggers: Sequence[Trigger]) -> Iterator[tuple[str, tuple[str, str]]]:
    for trigger in triggers:
        yield (
            f"TRIGGER {trigger.name} ON {trigger.table}",
            (f"CREATE OR REPLACE TRIGGER {trigger.name} {trigger.text}", ""),
        )


def _mark(owner: str, sql: str) -> str:
    return f"ipmanager {owner} {hashlib.sha256(sql.encode()).hexdigest()[:16]}"


# --- SQLite: it keeps the text itself -------------------------------------------------------------


def _install_sqlite(cursor: Any, owner: str, triggers: Sequence[Trigger]) -> None:
    comment = f"/* ipmanager {owner} */"
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND instr(sql, %s)", [comment]
    )
    there = dict(cursor.fetchall())
    wanted = {
        trigger.name: f"CREATE TRIGGER {trigger.name} {comment} {trigger.text}"
        for trigger in triggers
    }
    for name in there:
        if there[name] != wanted.get(name):
            cursor.execute(f"DROP TRIGGER {name}")
    for name, sql in wanted.items():
        if there.get(name) != sql:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(sql)


@receiver(connection_created)
def say_site(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """SQLite has no variables that a trigger may read, but it lets one read the connection's
    settings."""
    if connection.vendor == "sqlite":
        connection.connection.execute(f"PRAGMA analysis_limit = {_SQLITE_SITE}")
