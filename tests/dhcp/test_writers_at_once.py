"""Several writers at once, and a dnsmasq that is away: in the end the files say what the ledger
says, and on the way there nothing older ever follows something newer."""

import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection

from dhcp.files.sync import sync
from dhcp.models import DhcpChange, DhcpServer, Generation
from dhcp.state import machines
from dhcp.worker import DhcpWorker
from ipam.models import Server, Subnet
from tests.dhcp.records import scoped
from tests.dhcp.test_worker import wait_until
from tests.support.site import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.whole("sqlite")]

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EDITS = 500 if LONG else 15
AWAY = 60 if LONG else 3  # seconds
NAME = re.compile(r",(\w+)-(\d+)$", re.MULTILINE)

EDITOR = """
import sys, django
django.setup()
from ipam.models import Server
who, ip, edits = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(1, edits + 1):
    server = Server.objects.get(ip_address=ip)
    server.hostname = f"{who}-{number}"
    server.save()
"""


def editor(environment, who, ip):
    """A process that renames a server again and again, each time in a request's manner."""
    command = [sys.executable, "-c", EDITOR, who, ip, str(EDITS)]
    environment = environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def agent(environment, name, directory):
    command = [sys.executable, "manage.py", "dnsmasq_agent", "--server", name]
    environment = environment | {"IPMANAGER_DNSMASQ_DIR": str(directory)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@contextmanager
def ended(process):
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def working():
    """A worker, as in a process of its own."""
    worker = DhcpWorker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


class Watcher:
    """Reads hosts files all the time, and remembers each name's numbers in the order in which they
    stood there."""

    def __init__(self, *directories):
        self.files = [directory / "hosts" for directory in directories]
        self.seen = defaultdict(list)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        self.thread.join()

    def _watch(self):
        while not self.stopping.wait(0.002):
            for file in self.files:
                for name, number in NAME.findall(file.read_text() if file.exists() else ""):
                    self.seen[file, name].append(int(number))


def server(number, ip, name):
    return Server.objects.create(
        hostname=f"{name}-0", mac_address=f"02:00:00:00:00:{number:02x}", ip_address=ip
    )


def assert_nothing_older_followed(watcher, count):
    assert len(watcher.seen) == count
    for numbers in watcher.seen.values():
        assert numbers == sorted(numbers) and numbers[-1] == EDITS


def test_two_processes_and_the_worker_write_one_directory(target, shared_database):
    Subnet.objects.create(network="10.1.0.0/24")
    server(1, "10.1.0.11", "a"), server(2, "10.1.0.12", "b")
    environment = shared_database | {"IPMANAGER_DNSMASQ_DIR": str(target.directory)}
    with Watcher(target.directory) as watcher, working(), ExitStack() as stack:
        editors = [
            stack.enter_context(ended(editor(environment, name, ip)))
            for name, ip in (("a", "10.1.0.11"), ("b", "10.1.0.12"))
        ]
        assert [process.wait(600) for process in editors] == [0, 0]
        wait_until(lambda: not DhcpChange.objects.exists())
        time.sleep(0.1)
    assert_nothing_older_followed(watcher, 2)
    assert sync().result == "unchanged"


def test_two_agents_with_directories_of_their_own(target, tmp_path, settings, shared_database):
    settings.DHCP_SYNC = "worker"
    places = {}
    for number, name in enumerate(("east", "west"), start=1):
        DhcpServer.objects.create(name=name, site=name, run_by="agent")
        Subnet.objects.create(network=f"10.{number}.0.0/24", site=name)
        server(number, f"10.{number}.0.11", name)
        places[name] = tmp_path / name
    environment = shared_database | {"IPMANAGER_DHCP_SYNC": "worker"}
    with Watcher(*places.values()) as watcher, ExitStack() as stack:
        for name, place in places.items():
            stack.enter_context(ended(agent(environment, name, place)))
        editors = [
            stack.enter_context(ended(editor(environment, name, f"10.{number}.0.11")))
            for number, name in enumerate(places, start=1)
        ]
        assert [process.wait(600) for process in editors] == [0, 0]
        wait_until(lambda: not DhcpChange.objects.filter(server__isnull=False).exists())
        time.sleep(0.1)
    assert_nothing_older_followed(watcher, 2)
    assert {len(NAME.findall((place / "hosts").read_text())) for place in places.values()} == {1}


def test_while_dnsmasq_is_away_saves_succeed_and_it_is_told_when_it_is_back(lab):
    scoped("10.77.0.0/24")
    web = server(1, "10.77.0.9", "web")
    with working():
        lab.wait(lambda: not DhcpChange.objects.exists(), "it is not told at first")
        lab.stop()
        end, number = time.monotonic() + AWAY, 0
        while number < 3 or time.monotonic() < end:
            number += 1
            web.hostname = f"web-{number}"
            web.save()
            time.sleep(AWAY / 10)
        state = machines.states_of_servers([web])[web.pk]
        assert not state.is_served and str(lab.pidfile) in state.reason, state
        lab.start()
        lab.wait(
            lambda: not DhcpChange.objects.exists(), "it is not told after its return", within=10
        )
    assert machines.states_of_servers([web])[web.pk].is_served
    assert Generation.objects.newest().result == "applied"
    assert lab.client.acquire(web.mac_address).options["hostname"] == f"web-{number}"
    connection.close()
