"""An empty database is created from today's models: the tables are those that the migrations
make."""

import re
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import connection

from tests.conftest import empty_database_of
from tests.support.site import manage

BY_MIGRATIONS = """
from django.core.management import call_command
from django.core.management.commands.migrate import Command
call_command(Command(), verbosity=0, interactive=False)
"""
POSTGRESQL = """
SELECT table_name, column_name, concat_ws(' ', data_type, is_nullable, column_default,
    is_identity, character_maximum_length, numeric_precision)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT '', relname, relkind::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind <> 't'
UNION ALL SELECT relname, 'storage', reloptions::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
"""
ROWS = ("django_migrations", "django_content_type", "auth_permission", "auth_group")


@pytest.fixture
def another_database(tmp_path, site_environment, django_db_blocker):
    place = tmp_path / "another"
    place.mkdir()
    with empty_database_of(place, django_db_blocker) as url:
        yield site_environment | {"DATABASE_URL": url}


def described(url):
    """Everything that the database knows of its tables, whatever the order of columns."""
    if connection.vendor == "postgresql":
        with psycopg.connect(url) as database:
            return set(database.execute(POSTGRESQL).fetchall())
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(kind, name, part) for kind, name, sql in rows for part in parts(kind, sql or "")}


def parts(kind, sql):
    """The columns and constraints of a table; all else in one piece. SQLite keeps the text of the
    statement, in which Django quotes a table that it has made anew."""
    text = re.sub(r"\s+", " ", sql.replace('"', ""))
    if kind != "table":
        return [text]
    inner = text.partition("(")[2].rpartition(")")[0]
    found, depth = [""], 0
    for sign in inner:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found]


def numbers(url):
    """How many rows a new database has, by table."""
    connect = psycopg.connect if connection.vendor == "postgresql" else sqlite3.connect
    with closing(connect(url.removeprefix("sqlite:///"))) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ROWS
        }


def test_the_tables_are_those_that_migrations_make(empty_database, another_database):
    by_models = manage(empty_database, "migrate")
    assert (by_models.returncode, by_models.stdout) == (0, "Created all tables.\n")
    by_migrations = manage(another_database, "shell", "--no-imports", "-c", BY_MIGRATIONS)
    assert by_migrations.returncode == 0, by_migrations.stderr

    one, other = empty_database["DATABASE_URL"], another_database["DATABASE_URL"]
    assert described(one) ^ described(other) == set()
    assert numbers(one) == numbers(other)

    again = manage(empty_database, "migrate")
    assert (again.returncode, "No migrations to apply" in again.stdout) == (0, True)
