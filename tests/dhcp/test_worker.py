"""dhcp.worker: whatever was left undone is done within a second, failures are retried ever more
slowly."""

import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from django.db import DatabaseError

from dhcp import worker
from dhcp.generations.outcome import Outcome
from dhcp.models import DhcpChange, Generation
from dhcp.worker import LONGEST_PAUSE, RECONCILE, DhcpWorker
from ipam.models import Server, Subnet
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def syncs(monkeypatch, clock):
    """When it synced; `syncs.result` is what comes of it."""

    class Syncs(list):
        result = "applied"

    calls = Syncs()

    def sync(target, paced):
        calls.append(clock.time)
        if calls.result == "database":
            raise DatabaseError("gone")
        return Outcome(calls.result)

    monkeypatch.setattr(worker, "sync", sync)
    return calls


def ticks(worker, clock, seconds):
    for _ in range(seconds):
        worker.tick_all()
        clock.time += 1


def test_it_looks_at_the_files_at_once_and_then_now_and_then(target, clock, syncs):
    ticks(DhcpWorker(clock), clock, 65)
    assert syncs == [1000, 1000 + RECONCILE, 1000 + 2 * RECONCILE]


def test_a_pending_change_is_done_at_the_next_tick(target, clock, syncs):
    looking = DhcpWorker(clock)
    looking.tick_all()
    DhcpChange.objects.create(label="by raw SQL")
    looking.tick_all()
    assert len(syncs) == 2


def test_failures_are_retried_ever_more_slowly_up_to_a_limit(target, clock, syncs):
    syncs.result = "failed"
    ticks(DhcpWorker(clock), clock, 30)
    pauses = [later - earlier for earlier, later in pairwise(syncs)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 1 and pauses[-1] == LONGEST_PAUSE


def test_a_success_ends_the_slowness(target, clock, syncs):
    looking = DhcpWorker(clock)
    syncs.result = "failed"
    ticks(looking, clock, 30)
    syncs.result = "applied"
    ticks(looking, clock, 10)
    DhcpChange.objects.create()
    before = len(syncs)
    ticks(looking, clock, 1)
    assert len(syncs) == before + 1


def test_a_lost_database_does_not_end_it(target, clock, syncs):
    syncs.result = "database"
    looking = DhcpWorker(clock)
    ticks(looking, clock, 10)
    syncs.result = "applied"
    ticks(looking, clock, 10)
    assert looking.servers[None].delay == 0


def test_it_really_syncs(target, settings):
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.create(hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9")
    DhcpWorker().tick_all()
    assert "02:00:00:00:00:0a,10.77.0.9,web" in target.hosts.read_text()
    assert not DhcpChange.objects.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_syncs_and_ends_at_once_when_told(shared_database, tmp_path, target, number):
    environment = shared_database | {"IPMANAGER_DNSMASQ_DIR": str(target.directory)}
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        wait_until(target.hosts.exists)
        Subnet.objects.create(network="10.77.0.0/24")
        Generation.objects.all().delete()
        process.send_signal(number)
        started = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5
    finally:
        process.kill()
        errors = process.communicate()[1].decode()
    assert "dhcp.worker: started" in errors and "dhcp.worker: stopped" in errors
    assert "Traceback" not in errors


def wait_until(ready):
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)
