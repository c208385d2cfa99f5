"""A sync that is killed, or refused by the kernel, at any system call: old files or new ones, and
the next sync heals.

The real site syncs a real database to a real dnsmasq, and strace kills it, or makes one call fail,
from the opening of the first temporary file on. IPMANAGER_TEST_PROOF=1 (`make proof`) does so at
every call, not at each kind of call."""

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest

from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpScope, Generation
from ipam.models import Server, Subnet
from tests.support.site import ROOT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs("strace"),
    pytest.mark.whole,
    pytest.mark.parametrize(
        "lab", [["set:s7,10.77.0.0,static,255.255.255.0,1h"]], indirect=True, ids=[""]
    ),
]

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
MAC = "02:00:00:00:00:0a"
WRITING = {"openat", "write", "fchmod", "fsync", "close", "rename"}
_CALL = re.compile(r"(\w+)\(")


@dataclass(frozen=True)
class Call:
    """A system call of a sync: its name, the how manieth of this name it is, and strace's line."""

    name: str
    number: int
    line: str


@dataclass
class Ended:
    """How a traced sync ended."""

    status: int
    calls: list[Call]
    outcome: dict = field(default_factory=dict)


class Syncer:
    """tests/support/syncer.py in dnsmasq's network, and strace beside it."""

    def __init__(self, process, log):
        self.process = process
        self.log = log
        assert self.read() == "ready"

    def read(self):
        return json.loads(self.process.stdout.readline())

    def write(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def sync(self, *injection):
        self.write("sync")
        command = ["strace", "-y", "-p", str(self.read()), "-o", str(self.log), *injection]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert "attached" in strace.stderr.readline()
            self.write("go")
            said = self.read()
            outcome, status = (said, self.read()) if isinstance(said, dict) else ({}, said)
            strace.wait(10)
        return Ended(status, list(numbered(self.log.read_text())), outcome)


def numbered(log):
    seen = {}
    for line in log.splitlines():
        if match := _CALL.match(line):
            name = match[1]
            seen[name] = seen.get(name, 0) + 1
            yield Call(name, seen[name], line)


@contextmanager
def running_syncer(environment, lab, log):
    command = ["ip", "netns", "exec", lab.server, sys.executable, "-m", "tests.support.syncer"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        yield Syncer(process, log)
        process.stdin.close()
        process.wait(10)


class World:
    """One reserved machine in one scope; every change is to be read in both files and at the
    client."""

    def __init__(self, lab, syncer):
        self.lab, self.syncer = lab, syncer
        self.turns = count()
        subnet = Subnet.objects.create(pk=7, network="10.77.0.0/24")
        self.scope = DhcpScope.objects.create(subnet=subnet)
        self.server = Server.objects.create(hostname="web", mac_address=MAC, ip_address="10.77.0.9")
        self.change()
        assert sync().good
        self.lab.client.acquire(MAC)

    def change(self):
        turn = next(self.turns)
        self.scope.domain, self.server.hostname = f"d{turn}.example", f"web-{turn}"
        self.scope.save()
        self.server.save()

    def files(self):
        return {path.name: path.read_bytes() for path in (self.lab.hosts, self.lab.opts)}

    def told(self):
        """What a client hears now."""
        options = self.lab.client.discover(MAC).options
        return options["hostname"], options["domain"]

    def disturb(self, *injection):
        """Sync under this injection; then whoever reads finds old or new, and the next sync mends
        the rest."""
        old, heard = self.files(), self.told()
        self.change()
        ended = self.syncer.sync(*injection)
        left = self.files()
        self.lab.reload()  # somebody else's
        heard_then, rows = self.told(), DhcpChange.objects.count()
        hears = (self.server.hostname, self.scope.domain)
        assert rows or heard_then == hears, "a change is forgotten that nobody hears of"
        assert rows or ended.outcome.get("result") != "failed"
        assert_healed(self)
        new = self.files()
        for name, data in left.items():
            assert data in (old[name], new[name]), f"{name} after {ended.calls[-1]}:\n{data!r}"
        assert set(heard_then) <= {*heard, *hears}
        return ended


def assert_healed(world):
    assert sync().good
    assert world.told() == (world.server.hostname, world.scope.domain)
    assert not DhcpChange.objects.exists()
    assert [name.name for name in world.lab.files.iterdir() if name.name.startswith(".")] == []
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in (world.lab.hosts, world.lab.opts, world.lab.generation)
    }
    assert modes == {0o644}


@pytest.fixture
def world(asked, settings, shared_database, tmp_path):
    settings.DHCP_SYNC = "worker"
    environment = shared_database | {
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
        "IPMANAGER_DNSMASQ_DIR": str(asked.files),
        "IPMANAGER_DNSMASQ_RELOAD": asked.reload_setting,
        "IPMANAGER_DNSMASQ_DNS": "10.77.0.1:53",
    }
    with running_syncer(environment, asked, tmp_path / "strace.log") as syncer:
        yield World(asked, syncer)


def traced(world):
    """The calls of an undisturbed sync, from the opening of its first temporary file on."""
    world.change()
    ended = world.syncer.sync()
    assert (ended.status, ended.outcome["result"], ended.outcome["confirmed"]) == (
        0,
        "applied",
        True,
    )
    first = next(place for place, call in enumerate(ended.calls) if ".new-" in call.line)
    return ended.calls[first:]


def before_the_reload(calls):
    place = next(place for place, call in enumerate(calls) if call.name == "pidfd_send_signal")
    return calls[: place + 1]


def of_each_kind(calls):
    """The first and the last of each name."""
    first = {call.name: call for call in reversed(calls)}
    last = {call.name: call for call in calls}
    return [call for call in calls if call in (first[call.name], last[call.name])]


def test_a_writer_killed_at_any_system_call_leaves_whole_files_and_the_next_sync_heals(world):
    calls = traced(world)
    certain = before_the_reload(calls)
    assert {"openat", "write", "fchmod", "fsync", "rename"} <= {call.name for call in certain}
    for call in calls if PROOF else of_each_kind(certain):
        ended = world.disturb("-e", f"inject={call.name}:signal=KILL:when={call.number}")
        if (
            call in certain
        ):  # what follows waits for others, and they do not take the same time twice
            assert (ended.status, ended.calls[-1].name) == (-signal.SIGKILL, call.name), call


def on_our_files(calls):
    """Calls that write, of those that name a file of ours. No sync fails for its lock's end, nor
    for its pace."""
    files = str(Target.from_settings().directory)
    names = re.compile(rf"{re.escape(files)}(?!/(lock|pace|node_id))")
    return [call for call in calls if call.name in WRITING and names.search(call.line)]


@pytest.mark.parametrize("error", ["ENOSPC", "EACCES", "EROFS", "EIO"])
def test_a_refused_system_call_leaves_whole_files_and_a_reason_and_the_next_sync_heals(
    world, error
):
    calls = on_our_files(traced(world))
    assert {call.name for call in calls} == WRITING
    last_ones = list({call.name: call for call in calls}.values())
    some = of_each_kind(calls) if error == "ENOSPC" else last_ones
    for call in calls if PROOF else some:
        last = call.number + (error == "EIO")  # a bad block is tried once more, with new pages
        ended = world.disturb("-e", f"inject={call.name}:error={error}:when={call.number}..{last}")
        failed = Generation.objects.filter(result="failed").newest()
        assert (ended.status, ended.outcome["result"], ended.outcome["generation"]) == (
            0,
            "failed",
            failed.pk,
        ), call
        assert re.fullmatch(
            rf"{world.lab.files}/[a-z]+: {os.strerror(getattr(errno, error))}", failed.reason
        )


def test_an_io_error_that_passes_is_overcome_at_once(world):
    for call in of_each_kind(on_our_files(traced(world))):
        ended = world.disturb("-e", f"inject={call.name}:error=EIO:when={call.number}")
        assert ended.outcome["result"] == "applied", call
