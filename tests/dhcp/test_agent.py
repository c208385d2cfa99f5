"""dnsmasq_agent: one DHCP server is kept in step from its own host, with its own settings."""

import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.db import DatabaseError
from django.utils import timezone

from core.errors import Conflict, NotFound
from dhcp import agent
from dhcp.agent import Agent, find
from dhcp.daemon import reload_throttle
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpServer, Generation
from ipam.models import Server, Subnet
from tests.dhcp.test_worker import Clock, wait_until
from tests.support.site import ROOT, manage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def berlin(target, settings):
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.77.0.0/24", site="Berlin")
    Server.objects.create(hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9")
    return DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")


@contextmanager
def process(environment, name="berlin"):
    """An agent as an operator starts it."""
    command = [sys.executable, "manage.py", "dnsmasq_agent", "--server", name]
    running = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def environment(shared_database, target):
    """Of the agent's host: its own directory."""
    return shared_database | {"IPMANAGER_DNSMASQ_DIR": str(target.directory)}


def test_it_goes_by_its_own_host_s_settings(berlin, target):
    assert Target.of_agent(berlin).directory == target.directory
    Agent("berlin").tick_all()
    assert ",10.77.0.9,web\n" in target.hosts.read_text()
    assert (
        not DhcpChange.objects.for_server(berlin.pk).exists()
        and DhcpChange.objects.for_server(None).exists()
    )
    assert Generation.objects.newest(berlin.pk).hosts == 1


def test_the_installation_s_own_worker_leaves_it_alone(berlin, target):
    from dhcp.worker import DhcpWorker

    DhcpWorker().tick_all()
    assert DhcpChange.objects.for_server(berlin.pk).exists()
    assert not (target.directory / "berlin").exists()


def test_it_says_that_it_is_there_but_not_at_every_turn(berlin, settings):
    agent.report(berlin)
    berlin.refresh_from_db()
    seen = berlin.last_seen_at
    assert (berlin.agent_version, bool(berlin.agent_host)) == (settings.VERSION, True)
    agent.report(berlin)
    berlin.refresh_from_db()
    assert berlin.last_seen_at == seen
    berlin.last_seen_at = timezone.now() - 2 * agent.REPORT
    agent.report(berlin)
    assert DhcpServer.objects.get().last_seen_at > seen


@pytest.mark.parametrize(
    ("facts", "error", "words"),
    [
        ({"name": "bonn"}, NotFound, "there are: default, bonn"),
        ({"run_by": "local"}, Conflict, "kept in step by the worker"),
        ({"enabled": False}, Conflict, "disabled"),
    ],
)
def test_what_is_no_server_for_an_agent_is_refused_with_the_reason(berlin, facts, error, words):
    DhcpServer.objects.update(**facts)
    with pytest.raises(error, match=words):
        find("berlin")


def test_a_server_that_is_taken_from_it_keeps_its_files_and_is_told_once(berlin, target, caplog):
    clock = Clock()
    running = Agent("berlin", clock)
    running.tick_all()
    before = target.hosts.read_bytes()
    DhcpServer.objects.update(enabled=False)
    Server.objects.update(hostname="shop")
    for _ in range(3):
        clock.time += 1
        running.tick_all()
    assert target.hosts.read_bytes() == before and caplog.text.count("berlin is disabled") == 1
    DhcpServer.objects.update(enabled=True)
    clock.time += 40
    time.sleep(reload_throttle.seconds_left(target.pace))
    running.tick_all()
    assert ",shop\n" in target.hosts.read_text()


def test_while_the_database_is_away_it_keeps_the_files_says_so_once_and_goes_on(
    berlin, target, caplog, monkeypatch
):
    clock = Clock()
    running = Agent("berlin", clock)
    running.tick_all()
    before = target.hosts.read_bytes()
    Server.objects.update(hostname="shop")
    with monkeypatch.context() as away:
        away.setattr(agent, "find", lambda name: (_ for _ in ()).throw(DatabaseError("gone")))
        away.setattr(
            "dhcp.worker.sync", lambda *_, **__: (_ for _ in ()).throw(DatabaseError("gone"))
        )
        for _ in range(20):
            clock.time += 1
            running.tick_all()
    assert (
        target.hosts.read_bytes() == before
        and caplog.text.count("the database does not answer") == 1
    )
    clock.time += 6
    time.sleep(reload_throttle.seconds_left(target.pace))
    running.tick_all()
    assert (
        ",shop\n" in target.hosts.read_text()
        and caplog.text.count("the database answers again") == 1
    )


# --- as a process ---------------------------------------------------------------------------------


def test_a_commit_reaches_its_files_while_it_runs_and_it_ends_when_told(
    berlin, target, environment
):
    with process(environment) as running:
        wait_until(target.hosts.exists)
        Server.objects.update(hostname="shop")
        wait_until(lambda: ",shop\n" in target.hosts.read_text())
        wait_until(lambda: not DhcpChange.objects.for_server(berlin.pk).exists())
        running.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert running.wait(10) == 0 and time.monotonic() - started < 5
        assert "Traceback" not in running.stderr.read()
    berlin.refresh_from_db()
    assert berlin.last_seen_at


@pytest.mark.whole
def test_once_says_what_became_of_it(berlin, target, environment):
    done = manage(environment, "dnsmasq_agent", "--server", "berlin", "--once")
    assert done.returncode == 0 and done.stdout.startswith("applied: 1 reservations"), done.stderr
    assert ",web\n" in target.hosts.read_text()


@pytest.mark.whole
def test_an_unknown_name_ends_it_with_the_known_ones(berlin, environment):
    done = manage(environment, "dnsmasq_agent", "--server", "bonn")
    assert done.returncode == 1 and "there are: default, berlin" in done.stderr
