"""Install what PowerDNS reads: the schema `dns`, and one role that may read it and nothing else.

Functions name our tables in their text only, so that no migration is held up by them; after each
migration they are made anew, where they were installed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.utils.translation import gettext as _

from core.database import sql
from core.errors import Conflict, NotFound

_FOLDER = Path(__file__).parent
CALLED = ("zones()", "zone(integer)", "zone_named(text)", "lookup(text)")
# The role has what PUBLIC has; nobody else gets anything.
_RIGHTS = """
REVOKE ALL ON SCHEMA dns FROM PUBLIC;
GRANT USAGE ON SCHEMA dns TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA dns TO {role};
GRANT INSERT, UPDATE ON dns.notified TO {role};
"""
_BEGIN = """
CREATE SCHEMA IF NOT EXISTS dns;
CREATE TABLE IF NOT EXISTS dns.notified (domain_id integer PRIMARY KEY, serial bigint NOT NULL);
"""
_FORMER = """
SELECT format('DROP %s IF EXISTS %s CASCADE', kind, name) FROM (
    SELECT 'VIEW' AS kind, c.oid::regclass::text AS name FROM pg_class c
        WHERE c.relnamespace = 'dns'::regnamespace AND c.relkind = 'v'
    UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'dns'::regnamespace
    UNION ALL SELECT 'TYPE', t.oid::regtype::text FROM pg_type t
        JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
        WHERE t.typnamespace = 'dns'::regnamespace) former
"""
_INSTALLED = """
SELECT obj_description(n.oid, 'pg_namespace'),
    array(SELECT DISTINCT grantee::regrole::text FROM aclexplode(n.nspacl)
          WHERE grantee <> 0 AND grantee <> n.nspowner)
FROM pg_namespace n WHERE n.nspname = 'dns'
"""


def functions() -> str:
    """The statements that make the functions."""
    settled = (_FOLDER / "settled.sql").read_text()
    first, *parts = (_FOLDER / "functions.sql").read_text().split("@SETTLED(")
    found = [first]
    for part in parts:
        condition, rest = part.split(")@", 1)
        found += [settled.replace("@CONDITION@", condition).strip(), rest]
    return "".join(found)


def install(role: str, using: str = "default") -> None:
    """Make everything, for an existing role. Raises Conflict, NotFound."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        raise Conflict(_("PowerDNS reads the ledger on PostgreSQL only."))
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        if not cursor.fetchone()[0]:
            hint = _("Create it first: CREATE ROLE %s LOGIN PASSWORD '…';") % role
            raise NotFound(_("There is no role %s.") % role, hint)
        for statement in sql.statements(_FOLDER / "indexes.sql"):
            cursor.execute(statement)
        _make(cursor)
        _grant(cursor, [connection.ops.quote_name(role)])


def remove(using: str = "default") -> None:
    """Take the schema away; the indexes stay."""
    with connections[using].cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS dns CASCADE")


def refresh(using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: bring what was installed up to date."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute(_INSTALLED)
        for comment, roles in cursor.fetchall():
            if comment != _digest():
                _make(cursor)
                _grant(cursor, roles)


def _make(cursor: Any) -> None:
    cursor.execute("SELECT quote_ident(current_schema()), current_setting('search_path')")
    schema, search_path = cursor.fetchone()
    cursor.execute(_BEGIN)
    cursor.execute(f"SET LOCAL search_path = {schema}, pg_temp")
    cursor.execute(_FORMER)
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
    cursor.execute(functions())
    cursor.execute((_FOLDER / "views.sql").read_text())
    cursor.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dns FROM PUBLIC")
    cursor.execute("SELECT set_config('search_path', %s, true)", [search_path])
    cursor.execute(f"COMMENT ON SCHEMA dns IS '{_digest()}'")


def _grant(cursor: Any, roles: list[str]) -> None:
    for role in roles:
        cursor.execute(_RIGHTS.format(role=role))
        for function in CALLED:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION dns.{function} TO {role}")


def _digest() -> str:
    text = functions() + (_FOLDER / "views.sql").read_text()
    return f"ipmanager {hashlib.sha256(text.encode()).hexdigest()[:16]}"
