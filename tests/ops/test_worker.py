"""ops.worker: the periodic work of all apps starts and ends together."""

import signal
import subprocess
import sys

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
