"""What to do about an error of the database at the start: who owns what, and the SQL to mend it."""

from __future__ import annotations

from django.db import DatabaseError, connection

INSUFFICIENT_PRIVILEGE = "42501"  # SQLSTATE of PostgreSQL
GENERAL = "check DATABASE_URL"
# In a schema that pg_database_owner owns, the owner of the database may create tables.
_OWNERS = """
SELECT quote_ident(current_user), quote_ident(current_database()), current_database(),
    pg_get_userbyid(d.datdba), pg_get_userbyid(n.nspowner), current_user,
    has_schema_privilege(n.oid, 'CREATE'),
    EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'S')
        AND pg_get_userbyid(c.relowner) <> current_user)
FROM pg_database d, pg_namespace n
WHERE d.datname = current_database() AND n.nspname = 'public'
"""


def remedy(error: DatabaseError) -> str:
    """The remedy for an error of the database."""
    if getattr(error.__cause__, "sqlstate", "") != INSUFFICIENT_PRIVILEGE:
        return GENERAL
    try:
        with connection.cursor() as cursor:
            cursor.execute(_OWNERS)
            found = cursor.fetchone()
    except DatabaseError:
        return GENERAL
    return _of_owners(*found) if found else GENERAL


def _of_owners(
    role: str,
    database: str,
    name: str,
    database_owner: str,
    schema_owner: str,
    user: str,
    may_create: bool,
    has_foreign_tables: bool,
) -> str:
    """What to say, by the owners of database, schema and tables."""
    problems, statements = [], []
    if not may_create and schema_owner == "pg_database_owner":
        problems.append(f"the database {name} belongs to {database_owner}")
        statements.append(f"ALTER DATABASE {database} OWNER TO {role};")
    elif not may_create:
        problems.append(f"the schema public belongs to {schema_owner}")
        statements.append(f"ALTER SCHEMA public OWNER TO {role};")
    if has_foreign_tables:
        problems.append("some of its tables belong to another role")
        statements.append(_tables_to(role))
    if not statements:
        return GENERAL
    return (
        f"{' and '.join(problems)}, not to {user}, which DATABASE_URL names. "
        f"Run as a superuser, as in `sudo -u postgres psql -d {database}`: {' '.join(statements)}"
    )


def _tables_to(role: str) -> str:
    """A statement for psql that makes the statements, and runs them. It is shown, not run."""
    literal = role.replace("'", "''").replace("%", "%%")
    change = f"'ALTER TABLE %I.%I OWNER TO {literal}'"
    tables = "FROM pg_tables WHERE schemaname = 'public'"
    return f"SELECT format({change}, schemaname, tablename) {tables} \\gexec"
