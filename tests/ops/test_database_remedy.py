"""What `prepare` says when its role may not create tables: who owns what, and the SQL to run."""

import re

import pytest
from django.db import DatabaseError, connection, transaction

from ops.database_remedy import GENERAL, remedy

pytestmark = [pytest.mark.django_db, pytest.mark.on("postgresql")]
ROLE = "remedy stranger"


@pytest.fixture
def cursor():
    """In a transaction that ends as it began."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{ROLE}"')
        yield cursor
        transaction.set_rollback(True)


def refused(cursor, statement="CREATE TABLE remedy_probe (id int)"):
    """The remedy for what the role is refused."""
    cursor.execute(f'SET LOCAL ROLE "{ROLE}"')
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        cursor.execute(statement)
    said = remedy(error.value)
    cursor.execute("RESET ROLE")
    return said


def statements(said):
    return re.findall(r"ALTER [A-Z]+ [^;]*;", said)


def test_the_owner_of_the_database_is_named_and_the_sql_helps(cursor):
    cursor.execute("ALTER SCHEMA public OWNER TO pg_database_owner")
    said = refused(cursor)
    assert f"not to {ROLE}, which DATABASE_URL names" in said
    assert "the database test" in said and GENERAL not in said
    (statement,) = statements(said)
    assert statement.startswith("ALTER DATABASE ")
    cursor.execute(statement)
    cursor.execute(f'SET LOCAL ROLE "{ROLE}"')
    cursor.execute("CREATE TABLE remedy_probe (id int)")


def test_the_owner_of_the_schema_is_named_where_another_owns_it(cursor):
    cursor.execute("CREATE ROLE remedy_owner")
    cursor.execute("ALTER SCHEMA public OWNER TO remedy_owner")
    said = refused(cursor)
    assert "the schema public belongs to remedy_owner" in said
    (statement,) = statements(said)
    assert statement == f'ALTER SCHEMA public OWNER TO "{ROLE}";'
    cursor.execute(statement)
    cursor.execute(f'SET LOCAL ROLE "{ROLE}"')
    cursor.execute("CREATE TABLE remedy_probe (id int)")


def test_tables_of_another_role_are_named(cursor):
    said = refused(cursor, "ALTER TABLE hosts ADD COLUMN remedy int")
    assert "some of its tables belong to another role" in said and r"\gexec" in said


def test_another_error_has_the_general_remedy(cursor):
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        cursor.execute("SELECT * FROM remedy_nowhere")
    assert remedy(error.value) == GENERAL
