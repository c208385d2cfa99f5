"""Counters of several processes: summed, taken over, and independent of /dev/shm and /proc."""

import os
import subprocess
import sys
import threading

import pytest

from core import counters
from core.counters import Table
from tests.support.site import ROOT

# A server that has lost what the former counters stood on: /dev/shm is full, /proc is not there.
PROGRAM = """
import os
from pathlib import Path
from core import counters

table = counters.Table(1, 4096)
for slot in (1, 2):
    if not os.fork():
        counters._slot = slot
        for _ in range(slot):
            table.add(("GET",), (0, 1))
        os._exit(0)
for _ in range(2):
    os.wait()
assert not Path("/proc/self").exists()
assert os.statvfs("/dev/shm").f_bfree == 0
print(table.totals())
"""
NAMESPACE = """
umount --recursive --lazy /proc
mount -t tmpfs -o size=4k,mode=1777 tmpfs /dev/shm
head -c 4096 /dev/zero > /dev/shm/full
exec "$@"
"""


@pytest.fixture(autouse=True)
def first_slot(monkeypatch):
    monkeypatch.setattr(counters, "_slot", 0)


def in_process(number, work):
    """Run it in a forked process with this slot."""
    if not (pid := os.fork()):
        counters._slot = number
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_the_rows_of_all_processes_are_summed():
    table = Table(2, 4096)
    table.add(("GET", "/"), (0, 1), (1, 0.5))
    in_process(1, lambda: table.add(("GET", "/"), (0, 2)))
    in_process(2, lambda: table.add(("PUT", "/ü"), (1, 3)))
    assert table.totals() == {("GET", "/"): [3, 0.5], ("PUT", "/ü"): [0, 3]}


def test_a_new_process_continues_the_counters_of_one_that_has_ended():
    table = Table(1, 4096)
    for _ in range(3):
        in_process(1, lambda: table.add(("GET",), (0, 1)))
    assert table.totals() == {("GET",): [3]}
    assert len(list(table._records(1))) == 1


def test_a_full_slot_keeps_its_rows_and_takes_no_more():
    table = Table(1, 4096)
    for number in range(1000):
        table.add((str(number),), (0, 1))
    table.add(("0",), (0, 1))
    assert table.totals()[("0",)] == [2]
    assert 100 < len(table.totals()) < 1000


def test_a_process_beyond_the_last_slot_counts_nothing_and_does_not_fail(monkeypatch):
    table = Table(1, 4096)
    monkeypatch.setattr(counters, "_slot", counters.SLOTS)
    table.add(("GET",), (0, 1))
    assert table.totals() == {}


def test_threads_lose_no_count():
    table = Table(1, 4096)

    def work():
        for _ in range(2000):
            table.add(("GET",), (0, 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.totals() == {("GET",): [8000]}


@pytest.mark.needs("mount-namespaces")
def test_counting_needs_neither_proc_nor_room_in_dev_shm():
    """So two servers that share /dev/shm but not their process ids cannot disturb each other."""
    command = ["unshare", "--mount", "sh", "-ec", NAMESPACE, "sh", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "{('GET',): [3.0]}\n", done.stderr


class Gunicorn:
    """As much of it as the hooks see."""

    def __init__(self):
        self.WORKERS = {}


def test_a_process_gets_the_lowest_free_slot():
    server = Gunicorn()
    for pid in (11, 12, 13):
        server.WORKERS[pid] = fork(server)
    assert [worker.slot for worker in server.WORKERS.values()] == [0, 1, 2]
    del server.WORKERS[12]
    assert fork(server).slot == 1


def fork(server):
    worker = type("Worker", (), {})()
    counters.choose_slot(server, worker)
    return worker
