"""ops.worker: the periodic work of all apps starts and ends together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.site import ROOT

# A process with these kinds of work: one lives until it is stopped, one ends by itself.
SCRIPT = """
import os, sys
import django; django.setup()
from core.periodic import PeriodicWork
from ops import worker

def say(text):
    os.write(1, (text + chr(10)).encode())  # whole lines, from several threads

class Lasting(PeriodicWork):
    name = "lasting"
    interval = 30
    def work(self): say("running")
    def finish(self): say("finished")

class Broken(Lasting):
    name = "broken"
    def run(self): raise RuntimeError("a bug")

worker.WORK = [{names}]
sys.exit(worker.run())
"""


def start(environment, *names):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(names=", ".join(names))],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_TERM_ends_all_work_normally(site_environment):
    with start(site_environment, "Lasting", "Lasting") as process:
        assert [process.stdout.readline(), process.stdout.readline()] == ["running\n"] * 2
        process.send_signal(signal.SIGTERM)
        out, _errors = process.communicate(timeout=30)
    assert (out, process.returncode) == ("finished\n" * 2, 0)


def test_when_one_ends_by_itself_all_end_with_status_1(site_environment):
    with start(site_environment, "Lasting", "Broken") as process:
        out, errors = process.communicate(timeout=30)
    assert (out.count("finished"), process.returncode) == (1, 1)
    assert "a bug" in errors


def worker(command, environment, directory):
    """A worker with an empty ledger, whose first rounds, which do more, are over."""
    for name in ("log", "leases"):
        (directory / name).touch()
    files = {
        "IPMANAGER_DNSMASQ_DIR": str(directory / "dnsmasq"),
        "IPMANAGER_DNSMASQ_LOG": str(directory / "log"),
        "IPMANAGER_DNSMASQ_LEASES": str(directory / "leases"),
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment | files)
    deadline = time.monotonic() + 60
    while not (directory / "dnsmasq" / "hosts").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(3)
    return process


# The worker, which writes a byte for each statement that it sends.
COUNTING = """
import sys
import django; django.setup()
from django.db.backends.signals import connection_created
from ops import worker

one_each = open(sys.argv[1], "ab", buffering=0)

def count(execute, sql, params, many, context):
    one_each.write(b".")
    return execute(sql, params, many, context)

def begin(connection, **kwargs):
    connection.execute_wrappers.insert(0, count)

connection_created.connect(begin)
sys.exit(worker.run())
"""
COUNTED = 15.0  # seconds
FIRST_ROUNDS = 45.0  # seconds until every kind of work, the health checks too, had its first round
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))


@pytest.mark.on("sqlite")  # on PostgreSQL the commits of other tests end its rests
@pytest.mark.django_db(transaction=True)
def test_an_idle_worker_asks_little(shared_database, tmp_path):
    """Some ten statements a second, nineteen if nothing rested."""
    sent = tmp_path / "sent"
    command = [sys.executable, "-c", COUNTING, str(sent)]
    settings = {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"}
    process = worker(command, shared_database | settings, tmp_path)
    try:
        before = sent.stat().st_size
        time.sleep(COUNTED)
        assert (sent.stat().st_size - before) / COUNTED < 14
    finally:
        process.terminate()
        process.wait(20)


if LONG:  # beside the other tests of a suite it would measure them as well

    @pytest.mark.django_db(transaction=True)
    def test_an_idle_worker_takes_less_than_one_percent_of_a_core(shared_database, tmp_path):
        process = worker([sys.executable, "manage.py", "worker"], shared_database, tmp_path)
        try:
            time.sleep(FIRST_ROUNDS)
            before = processor_time(process.pid)
            time.sleep(60)
            used = (processor_time(process.pid) - before) / 60
        finally:
            process.terminate()
            process.wait(20)
        print(f"idle worker: {used:.2%} of a core")
        assert used < 0.01


def processor_time(pid):
    """Seconds in user and system mode (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
