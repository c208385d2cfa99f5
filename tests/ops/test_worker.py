"""ops.worker: the loops of all apps live and end together."""

import signal
import subprocess
import sys

from tests.support.site import ROOT

# A process whose loops are these: one lives until it is told to end, one ends by itself.
SCRIPT = """
import os, sys, threading, types
import django; django.setup()
from ops import worker as loops

def say(text):
    os.write(1, (text + chr(10)).encode())  # whole lines, whoever else speaks

class Lasting:
    def __init__(self): self.event = threading.Event()
    def run(self): say("running"); self.event.wait(30); say("told to end")
    def stop(self): self.event.set()

class Broken(Lasting):
    def run(self): raise RuntimeError("a bug")

loops.LOOPS = {names}
sys.modules["these"] = module = types.ModuleType("these")
module.Lasting, module.Broken = Lasting, Broken
sys.exit(loops.run())
"""


def start(environment, *names):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(names=[f"these.{name}" for name in names])],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_TERM_ends_every_loop_in_order(site_environment):
    with start(site_environment, "Lasting", "Lasting") as process:
        assert [process.stdout.readline(), process.stdout.readline()] == ["running\n"] * 2
        process.send_signal(signal.SIGTERM)
        out, _errors = process.communicate(timeout=30)
    assert (out, process.returncode) == ("told to end\n" * 2, 0)


def test_when_one_loop_ends_by_itself_all_end_and_the_parent_is_told(site_environment):
    with start(site_environment, "Lasting", "Broken") as process:
        out, errors = process.communicate(timeout=30)
    assert (out.count("told to end"), process.returncode) == (1, 1)
    assert "a bug" in errors
