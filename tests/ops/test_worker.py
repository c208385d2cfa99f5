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


IDLE_TIME = 15.0  # seconds


@pytest.mark.django_db(transaction=True)
def test_an_idle_worker_takes_about_one_percent_of_a_core(shared_database, tmp_path):
    """docs say less than one; the limit leaves room for a busy machine, where each second costs
    more."""
    for name in ("log", "leases"):
        (tmp_path / name).touch()
    files = {
        "IPMANAGER_DNSMASQ_DIR": str(tmp_path / "dnsmasq"),
        "IPMANAGER_DNSMASQ_LOG": str(tmp_path / "log"),
        "IPMANAGER_DNSMASQ_LEASES": str(tmp_path / "leases"),
    }
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=shared_database | files)
    try:
        while not (tmp_path / "dnsmasq" / "hosts").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(3)  # the first rounds do more
        before = processor_time(process.pid)
        time.sleep(IDLE_TIME)
        assert (processor_time(process.pid) - before) / IDLE_TIME < 0.015
    finally:
        process.terminate()
        process.wait(20)


def processor_time(pid):
    """Seconds in user and system mode (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
