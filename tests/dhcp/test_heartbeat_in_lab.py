"""The heartbeat of a real dnsmasq: what happens to it is seen by the second look, and gone with the
first look after it is mended."""

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dhcp.agent import Agent
from dhcp.daemon.beat import HeartbeatWorker
from dhcp.daemon.heartbeat import states
from dhcp.daemon.look import ANSWER_SECONDS
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.models import DhcpServer
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.lab import laboratory

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def shared_lab():
    with laboratory() as lab:
        yield lab


@pytest.fixture
def lab(shared_lab, settings):
    """A dnsmasq that serves the ledger; a test leaves it running and its configuration as it
    was."""
    settings.DNSMASQ_DIR = shared_lab.files
    settings.DNSMASQ_RELOAD = shared_lab.reload_setting
    settings.DNSMASQ_DNS = ("10.77.0.1", 53)
    settings.DNSMASQ_LEASES = shared_lab.leases
    conf = shared_lab.conf.read_text()
    SubnetFactory(network="10.77.0.0/24")
    with shared_lab.inside():
        assert sync().good
        yield shared_lab
    if shared_lab.conf.read_text() != conf:
        shared_lab.conf.write_text(conf)
        restart(shared_lab)


@pytest.fixture
def beat(lab):
    return HeartbeatWorker(lambda: [Target.from_settings()])


def looked(beat, times=1):
    """The state after so many looks."""
    for _ in range(times):
        beat.work()
    return states()[None]


@contextmanager
def stopped(lab):
    """dnsmasq stops in the block, and answers nothing."""
    stat = Path(f"/proc/{lab.process.pid}/stat")
    os.kill(lab.process.pid, signal.SIGSTOP)
    try:
        lab.wait(lambda: ") T " in stat.read_text(), "it does not stop")
        yield
    finally:
        os.kill(lab.process.pid, signal.SIGCONT)


def restart(lab, **replaced):
    """Start it again, with other values in its configuration."""
    text = lab.conf.read_text()
    for name, value in replaced.items():
        kept = [line for line in text.splitlines() if not line.startswith(name.replace("_", "-"))]
        text = "\n".join([*kept, f"{name.replace('_', '-')}={value}", ""])
    lab.stop()
    lab.conf.write_text(text)
    reads, lab.reads = lab.reads, lambda: lab.log().count("started, version")
    try:
        lab.start()
    finally:
        lab.reads = reads


def test_it_is_up_while_it_serves_our_generation(beat):
    state = looked(beat)
    assert state.is_up and state.detail.startswith("It serves our generation 127.")


def test_a_killed_one_is_dead_at_the_second_look_and_up_when_it_is_back(beat, lab):
    looked(beat)
    lab.process.kill()
    lab.process.wait()
    assert looked(beat).is_up  # one look alone may have met a restart
    assert beat.pause() == 2.0
    state = looked(beat)
    assert state.state == "dead" and "has ended" in state.detail
    lab.stop()  # the remains
    lab.start()
    assert looked(beat).is_up


def test_a_stopped_one_is_hung(beat, lab):
    with stopped(lab):
        state = looked(beat, 2)
        assert state.state == "hung" and "is stopped" in state.detail
    assert looked(beat).is_up


def test_one_that_has_not_read_the_newest_files_serves_another_generation(beat, lab, settings):
    settings.DNSMASQ_RELOAD = "none"  # nobody makes it read them
    ServerFactory(hostname="web", mac_address="02:00:00:00:00:01", ip_address="10.77.0.9")
    sync()
    state = looked(beat, 2)
    assert state.state == "other_generation" and "is written" in state.detail
    lab.reload()
    assert looked(beat).is_up


def test_one_that_was_started_with_another_hosts_file_serves_other_reservations(beat, lab):
    looked(beat)
    other = lab.home / "elsewhere"
    other.touch()
    restart(lab, dhcp_hostsfile=other)
    state = looked(beat, 2)
    assert (state.state, f"reads {other}, not our" in state.detail) == ("other_generation", True)
    restart(lab, dhcp_hostsfile=lab.hosts)
    assert looked(beat).is_up


def test_one_that_does_not_read_our_files_at_all_does_not_know_our_generation(beat, lab):
    restart(lab, addn_hosts="/dev/null")
    assert "does not know our generation" in looked(beat, 2).detail
    restart(lab, addn_hosts=lab.generation)
    assert looked(beat).is_up


def test_without_dns_its_process_is_watched(beat, lab, settings):
    restart(lab, port=0)
    assert looked(beat, 2).state == "unknown"  # it is said to have DNS, and has none
    settings.DNSMASQ_DNS = None
    assert looked(beat).is_up
    with stopped(lab):
        assert looked(beat, 2).state == "hung"
    lab.process.kill()
    lab.process.wait()
    assert looked(beat, 2).state == "dead"
    restart(lab, port=53)
    assert looked(beat).is_up


def test_one_that_nobody_can_see_is_unknown_and_no_alarm(beat, settings):
    settings.DNSMASQ_RELOAD, settings.DNSMASQ_DNS = "none", None
    state = looked(beat, 2)
    assert (state.state, state.is_visible) == ("unknown", False)


def test_an_agent_looks_at_the_dnsmasq_of_its_site(lab):
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    agent = Agent("berlin")
    agent.find_servers()
    agent.heartbeat.work()
    assert (states()[berlin.pk].state, states()[None].checked_at) == ("up", None)


def test_many_hung_ones_take_no_longer_than_one(lab, settings):
    """Their answers are waited for together."""
    one = Target.from_settings()
    servers = [DhcpServer.objects.create(name=f"s{n}", reload="none") for n in range(5)]
    targets = [replace(one, server_id=server.pk) for server in servers]
    beat = HeartbeatWorker(lambda: targets)
    with stopped(lab):
        began = time.monotonic()
        beat.work()
        assert time.monotonic() - began < 5 * ANSWER_SECONDS
        beat.work()
    assert {states()[target.server_id].state for target in targets} == {"hung"}
