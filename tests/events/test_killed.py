"""A collector that is killed loses no event and makes none twice.

The long form (`make proof`) kills it 20 times in 5,000 events."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from events.collect.collector import Collector
from events.models import Event
from ipam.models import VRF
from tests.ipam.factories import VRFFactory
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EVENTS, KILLS = (5_000, 20) if LONG else (200, 3)
ROWS = 10

# A parent that has imported Django; each line of its input makes a worker, and kills the last one.
PARENT = """
import ctypes, os, signal, sys
import django
django.setup()
from django.db import connections
from events.collect import follow
from events.worker import Collect
follow.BATCH = 7
connections.close_all()
child = 0
for line in sys.stdin:
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    child = os.fork()
    if not child:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        Collect.interval = 0.01
        Collect().run()
    print("began", flush=True)
"""


@contextmanager
def workers(environment):
    """A function that kills the worker and begins another one."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:

        def replace():
            parent.stdin.write("again\n")
            parent.stdin.flush()
            assert parent.stdout.readline() == "began\n"

        try:
            yield replace
        finally:
            parent.send_signal(signal.SIGKILL)


def told():
    return Event.objects.filter(kind="record.changed").count()


def test_a_killed_collector_loses_nothing_and_repeats_nothing(shared_database):
    rows = [VRFFactory(name=f"v-{number}") for number in range(ROWS)]
    Collector().round()
    kills = sorted(random.sample(range(10, EVENTS), KILLS))
    with workers(shared_database) as replace:
        replace()
        for number in range(EVENTS):
            row = rows[number % ROWS]
            row.description = f"step {number}"
            row.save()
            if number in kills:
                replace()
        deadline = time.monotonic() + 60
        while told() < EVENTS and time.monotonic() < deadline:
            time.sleep(0.05)
    lines = VRF.history.filter(history_type="~").order_by("history_id")
    for row in rows:
        mine = Event.objects.filter(subject_id=str(row.pk)).order_by("pk")
        expected = [f"vrfs_history:{line.pk}" for line in lines.filter(id=row.pk)]
        assert list(mine.values_list("origin", flat=True)) == expected
