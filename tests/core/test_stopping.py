"""A signal is heard at any moment, also while the event that it sets is being waited for."""

import subprocess
import sys

from tests.support.site import ROOT

PROGRAM = """
import os, signal, threading, time
from core.stopping import call_on_signals
event = threading.Event()
call_on_signals(event.set)
with event._cond:  # as wait() holds it, for moments
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.1)
print(event.wait(10))
"""


def test_a_signal_that_comes_upon_the_lock_of_its_event_is_heard():
    for name in ("SIGTERM", "SIGINT"):
        command = [sys.executable, "-c", PROGRAM.format(name=name)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.stdout, done.stderr) == ("True\n", "")
