"""Statements that go around Django's cursors lose nothing that those do."""

import os
import socket
import time

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)

from core.database import prepared
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db(transaction=True)


def end_backend(pid):
    """What a restart of the database does to a connection."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
            if not cursor.fetchall():
                return
    raise AssertionError(f"{pid} does not end")


@only(POSTGRESQL)
def test_after_a_restart_of_the_database_the_first_statement_of_a_request_works():
    end_backend(prepared.rows("SELECT pg_backend_pid()")[0][0])
    close_old_connections()  # so begins every request
    assert prepared.rows("SELECT 1") == [(1,)]


@only(POSTGRESQL)
def test_a_server_that_hung_up_is_noticed_without_asking_it():
    end_backend(prepared.rows("SELECT pg_backend_pid()")[0][0])
    prepared.checked_database()
    assert prepared.rows("SELECT 1") == [(1,)]


@only(POSTGRESQL)
@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 2"])  # planned already, and not yet
def test_a_connection_that_breaks_under_a_statement_is_told_as_one_that_broke(sql):
    prepared.rows("SELECT 1")
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)  # as when the server is killed: it says no word
    with pytest.raises(OperationalError, match="server closed the connection"):
        prepared.rows(sql)
    close_old_connections()
    assert prepared.rows("SELECT 1") == [(1,)]


@only(POSTGRESQL)
def test_a_connection_that_is_well_is_kept():
    before = prepared.rows("SELECT pg_backend_pid()")
    prepared.checked_database()
    assert prepared.rows("SELECT pg_backend_pid()") == before


@only(POSTGRESQL)
def test_a_connection_that_somebody_closed_is_made_anew():
    connection.ensure_connection()
    connection.connection.close()
    prepared.checked_database()
    assert prepared.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("value", [1, 2**40, "one", None, True])
def test_a_parameter_may_be_of_any_type_each_time(value):
    for given in (value, None, value):
        told = prepared.rows(
            "SELECT CAST(%(value)s AS text), 7, CAST(%(value)s AS text)", {"value": given}
        )
        assert (told[0][0] is None, told[0][1]) == (given is None, 7)


@only(POSTGRESQL)
def test_values_come_back_as_by_a_cursor_of_django():
    sql = (
        "SELECT 1, 'a', NULL, now(), '10.0.0.1'::inet, '{1,2}'::int[], "
        "'02:00:00:00:00:01'::macaddr, true, '{}'::jsonb"
    )
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(sql)
        expected = cursor.fetchall()
        ours = prepared.rows(sql)
        cursor.execute("COMMIT")
    assert ours == expected


@only(POSTGRESQL)
@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT 1/0", DataError),
        ("SELECT nonsense", ProgrammingError),
        ("INSERT INTO vrfs SELECT * FROM vrfs RETURNING 1", IntegrityError),
    ],
)
def test_errors_are_those_of_django_and_the_connection_goes_on(sql, error):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO vrfs (name, rd, description) VALUES ('a', '', '')")
    for _ in range(2):
        with pytest.raises(error):
            prepared.rows(sql)
    assert prepared.rows("SELECT 1") == [(1,)]


@only(POSTGRESQL)
def test_inside_a_transaction_they_are_part_of_it():
    with transaction.atomic():
        prepared.rows("INSERT INTO vrfs (name, rd, description) VALUES ('a', '', '') RETURNING id")
        transaction.set_rollback(True)
    assert prepared.rows("SELECT count(*) FROM vrfs") == [(0,)]


@only(POSTGRESQL)
def test_a_statement_is_planned_once_for_each_connection():
    def planned():
        return prepared.rows(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1%'"
        )[0][0]

    for number in range(3):
        assert prepared.rows("SELECT %(number)s::int + 1", {"number": number}) == [(number + 1,)]
    assert planned() == 1
    connection.close()
    assert planned() == 0
    assert prepared.rows("SELECT %(number)s::int + 1", {"number": 5}) == [(6,)]
    assert planned() == 1
