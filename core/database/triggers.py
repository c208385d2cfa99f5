"""Install functions and triggers in the database.

Most of them act on raw SQL, from psql or a script, and not on what this site writes, because its
own code has written rows, history and change rows already. On PostgreSQL the site says so once in
each transaction (`SAY_SITE`, in the same round trip as the ledger's lock), which works behind any
connection pool. On SQLite it says so once for each connection, by a setting that only ANALYZE
reads."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

SAY_SITE = "SET LOCAL ipmanager.writer = 'site'"
_SQLITE_SITE = 20_261
# Of what is removed before a migration, by app.
OWNERS: defaultdict[str, list[str]] = defaultdict(list, ipam=["ipam"], dhcp=["dhcp"])


def install(connection: BaseDatabaseWrapper, owner: str, statements: Sequence[str]) -> None:
    """Create the functions and triggers that are missing or different, drop those that `owner`
    created before and no longer names. What is right already is not touched.

    On PostgreSQL functions come before the triggers that call them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with transaction.atomic(using=connection.alias):
                _install_postgresql(cursor, owner, statements)
        else:
            _install_sqlite(cursor, owner, statements)


def owners() -> list[str]:
    """All owners of what is removed before a migration."""
    return [owner for mine in OWNERS.values() for owner in mine]


def remove(connection: BaseDatabaseWrapper, owner: str) -> None:
    """Drop everything that `owner` installed, before a migration: a trigger that names a former
    column would refuse every write, and SQLite creates a changed table anew. `install` runs after
    every migration."""
    install(connection, owner, [])


# --- PostgreSQL: the comment on each function and trigger holds a digest of its statement ---------

_INSTALLED = """
SELECT 'FUNCTION ' || p.oid::regprocedure, d.description, p.prosrc
FROM pg_proc p JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
WHERE p.pronamespace = current_schema()::regnamespace AND d.description LIKE %(mine)s
UNION ALL
SELECT 'TRIGGER ' || quote_ident(t.tgname) || ' ON ' || t.tgrelid::regclass, d.description, ''
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = current_schema()::regnamespace
JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
WHERE d.description LIKE %(mine)s
"""
_FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION (\w+)\(([^)]*)\)")
_TRIGGER = re.compile(r"CREATE OR REPLACE TRIGGER (\w+)\s.*?\sON (\w+)", re.DOTALL)
_BODY = re.compile(r"AS (\$\w*\$)(.*)\1", re.DOTALL)


def _install_postgresql(cursor: Any, owner: str, statements: Sequence[str]) -> None:
    cursor.execute("SELECT quote_ident(current_schema()), current_setting('search_path')")
    schema, search_path = cursor.fetchone()
    cursor.execute(_INSTALLED, {"mine": f"ipmanager {owner} %"})
    obsolete = {name: (comment, body) for name, comment, body in cursor.fetchall()}
    stale: dict[str, str] = {}
    for sql in statements:
        name = _postgresql_name(sql)
        if obsolete.pop(name, None) != (_digest(owner, schema, sql), _body(sql)):
            stale[name] = sql
    if not stale and not obsolete:
        return
    # Functions are stored with this path (SET search_path FROM CURRENT). pg_temp comes last, so
    # that a temporary table cannot take the place of one of ours.
    cursor.execute(f"SET LOCAL search_path = {schema}, pg_temp")
    for name, sql in stale.items():
        _create(cursor, name, sql, _digest(owner, schema, sql))
    for name in sorted(obsolete, reverse=True):  # triggers before the functions that they call
        cursor.execute(f"DROP {name}")
    cursor.execute("SELECT set_config('search_path', %s, true)", [search_path])


def _postgresql_name(sql: str) -> str:
    """The function or trigger that the statement creates, as DROP and COMMENT ON name it."""
    if function := _FUNCTION.match(sql):
        arguments = filter(None, function[2].split(", "))
        types = ",".join(argument.split(maxsplit=1)[1] for argument in arguments)
        return f"FUNCTION {function[1]}({types})"
    if trigger := _TRIGGER.match(sql):
        return f"TRIGGER {trigger[1]} ON {trigger[2]}"
    raise ValueError(f"Neither a function nor a trigger: {sql[:80]}")


def _body(sql: str) -> str:
    body = _BODY.search(sql)
    return body[2] if body else ""


def _digest(owner: str, schema: str, sql: str) -> str:
    return f"ipmanager {owner} {hashlib.sha256(f'{schema} {sql}'.encode()).hexdigest()[:16]}"


def _create(cursor: Any, name: str, sql: str, comment: str) -> None:
    cursor.execute(sql)
    if name.startswith("FUNCTION"):
        # Functions run with our rights, so nobody else may call one or attach it to a table of
        # their own. A trigger needs no right to its function when it fires.
        cursor.execute(f"REVOKE ALL ON {name} FROM PUBLIC")
    cursor.execute(f"COMMENT ON {name} IS '{comment}'")


# --- SQLite: the catalogue keeps the text of the statement ----------------------------------------


def _install_sqlite(cursor: Any, owner: str, statements: Sequence[str]) -> None:
    comment = f"/* ipmanager {owner} */"
    cursor.execute(
        "SELECT upper(type) || ' ' || name, sql FROM sqlite_master "
        "WHERE type IN ('trigger', 'view') AND instr(sql, %s)",
        [comment],
    )
    installed = dict(cursor.fetchall())
    wanted = {}
    for sql in statements:
        _create, kind, name, _rest = sql.split(maxsplit=3)
        wanted[f"{kind} {name}"] = sql.replace(name, f"{name} {comment}", 1)
    for name in installed:
        if installed[name] != wanted.get(name):
            cursor.execute(f"DROP {name}")
    for name, sql in wanted.items():
        if installed.get(name) != sql:
            kind, name_alone = name.split()
            cursor.execute(f"DROP {kind} IF EXISTS {name_alone}")
            cursor.execute(sql)


@receiver(connection_created)
def say_site(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """SQLite has no variables that a trigger may read, but it lets one read the connection's
    settings."""
    if connection.vendor == "sqlite":
        connection.connection.execute(f"PRAGMA analysis_limit = {_SQLITE_SITE}")
