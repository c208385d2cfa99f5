"""dhcp.notify_listener: PostgreSQL tells at once of what is committed; a lost connection is made
anew."""

import threading
import time

import pytest
from django.db import connection, transaction

from dhcp.models import DhcpChange
from dhcp.notify_listener import RETRY, Ear
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 10.0  # seconds that it would wait if nobody told


@pytest.fixture
def ear():
    ear = Ear()
    ear.listen(threading.Event(), 0.1)  # from here on it listens
    yield ear
    ear.close()


def told_within(ear, seconds):
    started = time.monotonic()
    return ear.listen(threading.Event(), LONG) and time.monotonic() - started < seconds


@only(POSTGRESQL)
def test_what_is_committed_is_heard_long_before_anybody_would_look(ear):
    threading.Timer(0.1, commit).start()
    assert told_within(ear, LONG / 2)


@only(POSTGRESQL)
def test_what_is_rolled_back_is_not_heard(ear):
    with transaction.atomic():
        DhcpChange.objects.create(label="never")
        transaction.set_rollback(True)
    assert not ear.listen(threading.Event(), 0.3)


@only(POSTGRESQL)
def test_a_lost_connection_means_looking_until_it_is_made_anew(ear, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ear._line.connection.info.backend_pid])
    assert ear.listen(threading.Event(), LONG) and ear._line is None
    monkeypatch.setattr("dhcp.notify_listener.POLL", 0)
    assert all(ear.listen(threading.Event(), LONG) for _ in range(RETRY + 1))
    assert ear._line is not None
    threading.Timer(0.1, commit).start()
    assert told_within(ear, LONG / 2)


@only(not POSTGRESQL)
def test_elsewhere_it_looks_four_times_a_second(ear):
    assert told_within(ear, LONG / 2)


def test_it_ends_at_once_when_it_is_to_stop(ear):
    stopping = threading.Event()
    stopping.set()
    started = time.monotonic()
    ear.listen(stopping, 0.5)
    assert time.monotonic() - started < LONG / 2


def commit():
    try:
        DhcpChange.objects.create(label="something")
    finally:
        connection.close()
