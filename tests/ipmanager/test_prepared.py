"""Statements that go around Django's cursors lose nothing that those do."""

import time

import pytest
from django.db import close_old_connections, connection

from ipmanager import prepared
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
    prepared.look()
    assert prepared.rows("SELECT 1") == [(1,)]


@only(POSTGRESQL)
def test_a_connection_that_is_well_is_kept():
    before = prepared.rows("SELECT pg_backend_pid()")
    prepared.look()
    assert prepared.rows("SELECT pg_backend_pid()") == before


@only(POSTGRESQL)
def test_a_connection_that_somebody_closed_is_made_anew():
    connection.ensure_connection()
    connection.connection.close()
    prepared.look()
    assert prepared.rows("SELECT 1") == [(1,)]
