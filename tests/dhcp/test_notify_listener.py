"""dhcp.notify_listener: a commit is noticed at once; a lost connection is opened again."""

import threading
import time

import pytest
from django.db import connection, transaction

from dhcp.models import DhcpChange
from dhcp.notify_listener import RETRY, NotifyListener
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 10.0  # seconds that it would wait without a commit


@pytest.fixture
def listener():
    listener = NotifyListener()
    listener.wait(threading.Event(), 0.1)  # from here on it listens
    yield listener
    listener.close()


def noticed_within(listener, seconds):
    started = time.monotonic()
    return listener.wait(threading.Event(), LONG) and time.monotonic() - started < seconds


@only(POSTGRESQL)
def test_what_is_committed_is_heard_long_before_anybody_would_look(listener):
    threading.Timer(0.1, commit).start()
    assert noticed_within(listener, LONG / 2)


@only(POSTGRESQL)
def test_what_is_rolled_back_is_not_heard(listener):
    with transaction.atomic():
        DhcpChange.objects.create(label="never")
        transaction.set_rollback(True)
    assert not listener.wait(threading.Event(), 0.3)


@only(POSTGRESQL)
def test_a_lost_connection_means_looking_until_it_is_made_anew(listener, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(%s)", [listener._connection.connection.info.backend_pid]
        )
    assert listener.wait(threading.Event(), LONG) and listener._connection is None
    monkeypatch.setattr("dhcp.notify_listener.POLL", 0)
    assert all(listener.wait(threading.Event(), LONG) for _ in range(RETRY + 1))
    assert listener._connection is not None
    threading.Timer(0.1, commit).start()
    assert noticed_within(listener, LONG / 2)


@only(not POSTGRESQL)
def test_on_sqlite_a_commit_is_seen_a_quarter_of_a_second_later(listener):
    threading.Timer(0.1, commit).start()
    assert noticed_within(listener, LONG / 2)


@only(not POSTGRESQL)
def test_on_sqlite_nothing_is_seen_while_nothing_is_committed(listener):
    assert not listener.wait(threading.Event(), 0.6)


def test_it_ends_at_once_when_it_is_to_stop(listener):
    stopping = threading.Event()
    stopping.set()
    started = time.monotonic()
    listener.wait(stopping, 0.5)
    assert time.monotonic() - started < LONG / 2


def commit():
    try:
        DhcpChange.objects.create(label="something")
    finally:
        connection.close()
