"""core.periodic: rounds go on after errors, later and later; the loss of the database is logged
once."""

import threading
import time

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from api.models import Pulse
from core.database import commits
from core.periodic import InTurn, PeriodicWork

pytestmark = pytest.mark.django_db(transaction=True)


class Work(PeriodicWork):
    name = "some.work"
    interval = 0.01

    def __init__(self, *results):
        super().__init__()
        self.results = list(results)
        self.rounds = 0

    def work(self):
        self.rounds += 1
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result


def test_a_round_that_succeeds_is_followed_by_the_interval():
    work = Work()
    assert work.tick()
    assert work.pause() == work.interval


def test_failures_are_followed_by_ever_longer_pauses_up_to_a_limit():
    work = Work(*[ValueError("a bug")] * 5)
    pauses = []
    while work.results:
        assert not work.tick()
        pauses.append(work.pause())
    assert pauses == [1, 2, 4, 5, 5]
    work.tick()
    assert work.pause() == work.interval


def test_the_loss_of_the_database_is_logged_once_and_its_return_once(caplog):
    caplog.set_level("INFO")
    work = Work(*[DatabaseError("gone")] * 3)
    for _ in range(5):
        work.tick()
    assert caplog.text.count("the database does not answer: gone") == 1
    assert caplog.text.count("the database answers again") == 1


def test_a_bug_is_logged_with_its_traceback(caplog):
    Work(ValueError("a bug")).tick()
    assert "some.work" in caplog.text and "ValueError: a bug" in caplog.text


def test_it_repeats_until_it_is_stopped_and_says_that_it_has_ended():
    work, ended = Work(), threading.Event()
    work.start(on_end=ended.set)
    while work.rounds < 3:
        assert not ended.wait(0.01)
    work.stop()
    work.join(10)
    assert ended.is_set() and not work.thread.is_alive()


# --- while nothing is committed -------------------------------------------------------------------


class Resting(Work):
    rest = 60.0


def commit_elsewhere():
    def write():
        Pulse.objects.create(host=f"elsewhere {time.monotonic()}", seen_at=timezone.now())
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()


@pytest.mark.on("sqlite")
def test_a_round_rests_while_nothing_is_committed_and_the_clock_asks_for_nothing():
    work = Resting()
    assert work.tick() and work.tick() and work.tick()
    assert work.rounds == 1
    work.worked_at -= 60
    assert work.tick() and work.tick()
    assert work.rounds == 2


def test_a_commit_of_another_connection_ends_the_rest():
    work = Resting()
    work.tick()
    commit_elsewhere()
    assert work.tick() and work.tick()
    assert work.rounds == 2


def test_a_round_that_has_written_or_failed_is_followed_by_another_one():
    class Writing(Resting):
        def work(self):
            super().work()
            Pulse.objects.create(host=str(self.rounds), seen_at=timezone.now())

    writing, failing = Writing(), Resting(ValueError("a bug"))
    assert writing.tick() and writing.tick()
    assert not failing.tick() and failing.tick()
    assert (writing.rounds, failing.rounds) == (2, 2)


@pytest.mark.on("postgresql")
def test_on_postgresql_it_rests_while_no_database_of_the_server_changes():
    work, ticks = Resting(), 0
    while work.rounds == ticks:  # other tests write
        assert work.tick() and ticks < 1000
        ticks += 1


@pytest.mark.on("postgresql")
def test_the_end_of_a_transaction_that_ran_when_a_round_began_ends_the_rest():
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("INSERT INTO vrfs (name) VALUES ('red')")
        work = Resting()
        work.tick()
        other.commit()
    finally:
        other.close()
    assert work.tick()
    assert work.rounds == 2


def rests_after(meanwhile):
    work = Resting()
    work.tick()
    with commits.unnoticed():
        Pulse.objects.create(host=f"here {time.monotonic()}", seen_at=timezone.now())
        meanwhile()
    work.tick()
    return work.rounds == 1


@pytest.mark.on("postgresql")
def test_a_transaction_that_nothing_follows_ends_no_rest():
    assert any(rests_after(lambda: None) for _try in range(1000))  # other tests write


@pytest.mark.on("postgresql")
def test_two_such_transactions_of_one_process_end_no_rest():
    start = threading.Barrier(2)

    def beat(number):
        start.wait(10)
        with commits.unnoticed():
            Pulse.objects.create(host=f"{number} {time.monotonic()}", seen_at=timezone.now())
            time.sleep(0.02)
        connection.close()

    def rests_after_both():
        work = Resting()
        work.tick()
        threads = [threading.Thread(target=beat, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        work.tick()
        return work.rounds == 1

    assert any(rests_after_both() for _try in range(300))  # other tests write


@pytest.mark.on("postgresql")
def test_what_others_commit_during_such_a_transaction_ends_it():
    assert not any(rests_after(commit_elsewhere) for _try in range(20))


def test_no_connection_is_kept_for_a_long_pause():
    kept = []

    class Asking(Work):
        def work(self):
            connection.ensure_connection()

        def wait(self, seconds):
            kept.append((self.rounds, connection.connection is not None))
            self.rounds += 1
            if self.rounds == 2:
                self.stop()

    for interval in (1.0, 60.0):
        work = Asking()
        work.interval = interval
        thread = threading.Thread(target=work.run)
        thread.start()
        thread.join()
    assert [has_one for round, has_one in kept if round == 1] == [True, False]


# --- several in one thread ------------------------------------------------------------------------


def test_each_keeps_its_own_pace_whatever_happens_to_the_others():
    quick, slow, failing = Work(), Work(), Work(*[ValueError("a bug")] * 9)
    slow.interval = 3600
    together = InTurn("together", slow, failing, quick)
    together.start()
    while quick.rounds < 5:
        assert together.thread.is_alive()
    together.stop()
    together.join(10)
    assert (slow.rounds, failing.rounds) == (1, 1)  # the failing one waits for a second


def test_a_first_pause_delays_its_own_work_alone():
    late, quick = Work(), Work()
    late.first_pause = 3600
    together = InTurn("together", late, quick)
    together.start()
    while quick.rounds < 3:
        assert together.thread.is_alive()
    together.stop()
    together.join(10)
    assert late.rounds == 0


def test_at_the_end_each_finishes_and_one_that_cannot_stops_no_other():
    class Finishing(Work):
        is_finished = False

        def finish(self):
            self.is_finished = True
            raise ValueError("cannot finish")

    works = [Finishing(), Finishing(), Finishing()]
    together, ended = InTurn("together", *works), threading.Event()
    together.start(on_end=ended.set)
    together.stop()
    assert ended.wait(10)
    assert all(work.is_finished and work.stopping.is_set() for work in works)
