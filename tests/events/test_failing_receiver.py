"""Receivers that fail in ten ways, while the worker is killed again and again.

`make proof`: 5,000 events and 20 kills. Each event arrives at least once, those of one subject in
order, duplicates with the same id and body, and every signature is genuine by the script of
docs/events.md.
"""

import contextlib
import ipaddress
import os
import random
import re
import ssl
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from events.models import Event, WebhookDelivery
from tests.events import making
from tests.events.receiver import FAILURES, receiver
from tests.support.site import ROOT

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EVENTS, KILLS, FAILING = (5000, 20, 100) if LONG else (120, 2, 18)
SUBJECTS = EVENTS // 10
MODES = [name for name in FAILURES if name]

# Starts the worker's part, kills it after each of the pauses, and lets the last one run until the
# input ends.
NANNY = """
import ctypes, json, os, signal, sys, time
import django
django.setup()
from django.db import connections
from events.delivery.worker import Deliver

connections.close_all()

def start():
    pid = os.fork()
    if not pid:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        try:
            Deliver().run()
        finally:
            os._exit(1)
    return pid

for pause in [*json.loads(sys.argv[1]), None]:
    child = start()
    if pause is None:
        sys.stdin.read()
    else:
        time.sleep(pause)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def genuine():
    """The receiver's script, as the documentation has it."""
    text = (ROOT / "docs/events.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    assert len(list(filter(None, code.splitlines()))) <= 10
    names = {}
    exec(code, names)
    return names["is_genuine"]


def context(place: Path, name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
    return made


def chosen_failures(keys):
    """For some events, how their first attempt fails."""
    failing = random.sample(keys, FAILING)
    return {str(key): MODES[number % len(MODES)] for number, key in enumerate(failing)}


@contextlib.contextmanager
def nanny(environment, kills):
    """The worker's part in processes of its own, of which the first ones are killed."""
    pauses = str([round(random.uniform(0.8, 2.5), 2) for _number in range(kills)])
    words = [sys.executable, "-c", NANNY, pauses]
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate(b"", timeout=60)
    assert process.returncode == 0


def delivered():
    return WebhookDelivery.objects.filter(state="delivered").count()


def wait_for(is_so, seconds=1500 if LONG else 90):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, list(WebhookDelivery.objects.pending().values()[:5])
        time.sleep(0.2)


@pytest.mark.needs("openssl")
def test_every_event_arrives_in_order_whatever_fails(
    shared_database, certificates, settings, tmp_path
):
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1")]
    environment = shared_database | {
        "IPMANAGER_WEBHOOK_ALLOW": "127.0.0.1",
        "IPMANAGER_SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
    }
    rows = making.events(EVENTS, SUBJECTS)
    plan = chosen_failures([row.pk for row in rows])
    wrong = context(certificates, "wrong")
    with (
        receiver(lambda event, times: plan.get(event, "") if times == 1 else "") as plain,
        receiver(tls=wrong) as secure,
    ):
        hook = making.webhook(plain.url)
        right = (certificates / "right.pem").read_text()
        secure_hook = making.webhook(secure.url, name="tls", ca=right, kinds=["tls.*"])
        Event.objects.bulk_create([making.event(1, kind="tls.checked") for _number in range(3)])
        with nanny(environment, KILLS):
            wait_for(lambda: secure.connections)
            assert secure.got == []
            secure.tls = context(certificates, "right")
            wait_for(lambda: delivered() == EVENTS + 6)
        check_order_and_ids(plain, rows)
        assert len({got.id for got in secure.arrived()}) == 3
        check_signatures(plain, hook)
        check_signatures(secure, secure_hook)
    assert set(plain.failures) >= set(MODES)


def check_order_and_ids(one, rows):
    """All have arrived; within a subject, no event came after a later one; same id, same body."""
    arrived = {got.id for got in one.arrived()}
    assert {str(row.pk) for row in rows} <= arrived
    lanes, bodies = {}, {}
    for got in one.got:
        lanes.setdefault(got.subject, []).append(int(got.id))
        assert bodies.setdefault(got.id, got.body) == got.body
    for sequence in lanes.values():
        assert all(before <= after for before, after in pairwise(sequence)), sequence


def check_signatures(one, hook):
    is_genuine, secret = genuine(), hook.secrets()[0]
    for got in one.got:
        assert is_genuine(secret, got.signature, got.body, oldest=3600)
        assert not is_genuine(secret, got.signature, got.body + b" ", oldest=3600)
        assert not is_genuine(secret + "x", got.signature, got.body, oldest=3600)
