"""PostgreSQL: transactions commit out of the order of their keys, and the collector loses none."""

import random
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from events.collect import lock
from events.collect.collector import Collector
from events.models import Cursor, Event
from ipam.models import VRF
from tests.events.rounds import settle
from tests.ipam.factories import VRFFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.on("postgresql")]


@pytest.fixture
def collector():
    collector = Collector()
    collector.round()
    return collector


@contextmanager
def psqls(number=2):
    """Connections of their own, each in a transaction."""
    opened = [connection.copy() for _ in range(number)]
    try:
        for one in opened:
            one.set_autocommit(False)
        yield opened
    finally:
        for one in opened:
            one.close()


def add(session, name):
    with session.cursor() as cursor:
        cursor.execute("INSERT INTO vrfs (name) VALUES (%s)", [name])


def subjects():
    return list(Event.objects.order_by("pk").values_list("subject", flat=True))


def holes():
    return Cursor.objects.get(table="vrfs_history").holes


def test_transactions_that_commit_in_reverse_order_are_all_told(collector):
    with psqls(3) as sessions:
        for number, session in enumerate(sessions):
            add(session, f"v-{number}")
        told = []
        for number in (2, 0, 1):
            sessions[number].commit()
            collector.round()
            told.append(f"v-{number}")
            assert subjects() == told
    settle(collector)


def test_the_keys_of_a_transaction_that_rolls_back_are_forgotten(collector):
    with psqls() as (first, second):
        add(first, "never")
        add(second, "there")
        second.commit()
        collector.round()
        assert len(holes()) == 1
        first.rollback()
    settle(collector)
    assert subjects() == ["there"]


def test_a_collector_that_takes_over_knows_the_holes(collector):
    with psqls() as (first, second):
        add(first, "late")
        add(second, "early")
        second.commit()
        collector.round()
        first.commit()
    Collector().round()
    assert subjects() == ["early", "late"]


def test_any_interleaving_tells_each_committed_line_once_and_in_order(collector):
    chance = random.Random(random.randrange(10**9))
    rows = [VRFFactory(name=f"v-{number}") for number in range(4)]
    collector.round()
    Event.objects.all().delete()
    with psqls(4) as sessions:
        for step in range(120):
            number = chance.randrange(4)
            with sessions[number].cursor() as cursor:
                values = [f"step {step}", rows[number].pk]
                cursor.execute("UPDATE vrfs SET description = %s WHERE id = %s", values)
            if chance.random() < 0.4:
                end = chance.choice([sessions[number].commit, sessions[number].rollback])
                end()
            if chance.random() < 0.3:
                collector.round()
    collector.round()
    for row in rows:
        lines = VRF.history.filter(id=row.pk, history_type="~").order_by("history_id")
        told = Event.objects.filter(subject_id=str(row.pk)).order_by("pk")
        expected = [f"vrfs_history:{line.pk}" for line in lines]
        assert list(told.values_list("origin", flat=True)) == expected
    settle(collector)


def test_one_collector_at_a_time_works(collector):
    VRFFactory(name="red")
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM event_cursors WHERE \"table\" = 'lock' FOR UPDATE")
    assert collector.round() == 0
    other.close()  # it dies: its lock goes with its connection
    assert collector.round() == 1


def test_a_rolled_back_batch_comes_again(collector):
    VRFFactory(name="red")
    with transaction.atomic():
        Collector().round()
        transaction.set_rollback(True)
    assert subjects() == []
    assert collector.round() == 1
    assert subjects() == ["red"]


def test_holes_of_another_server_are_forgotten(collector):
    Cursor.objects.filter(table="vrfs_history").update(holes=[[1, 5, 2**60]])
    Collector().round()
    assert holes() == []
    with lock.held() as is_mine:
        assert is_mine
