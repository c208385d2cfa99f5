"""dhcp.daemon.reload_throttle: an edit is served at once, many edits in few reloads."""

import os
import threading
import time

import pytest
from django.db import connection

from dhcp.daemon import reload_throttle
from dhcp.files import sync
from dhcp.files.sync import BUDGET
from dhcp.models import DhcpChange
from dhcp.worker import INTERVAL, DhcpWorker
from ipam.models import Server, Subnet
from tests.support.by_hand import by_hand

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pace"


# --- the pause ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "seconds", "pause"),
    [(0, 0, 0), (1, 0, 0.04), (10, 0.1, 0.4), (1, 0.7, 0.7), (1000, 0, 2), (1, 60, 2)],
)
def test_the_pause_grows_with_the_changes_and_the_reload_s_duration_up_to_a_limit(
    path, changes, seconds, pause
):
    reload_throttle.begin_pause(path, changes, seconds)
    assert pause - 0.04 <= reload_throttle.seconds_left(path) <= pause + 0.001


def test_a_pause_that_is_over_is_none(path):
    path.write_text(str(time.time() - 1))
    assert reload_throttle.seconds_left(path) == 0


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "in an hour"])
def test_what_cannot_be_the_end_of_a_pause_is_none(path, text):
    text = text.replace("in an hour", str(time.time() + 3600))
    path.write_text(text)
    assert reload_throttle.seconds_left(path) == 0


def test_a_file_that_cannot_be_written_is_no_failure(tmp_path):
    reload_throttle.begin_pause(tmp_path / "nowhere" / "pace", 1, 0)
    assert reload_throttle.seconds_left(tmp_path / "nowhere" / "pace") == 0


# --- the sync -------------------------------------------------------------------------------------


@pytest.fixture
def web(target, settings):
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.77.0.0/24")
    return Server.objects.create(
        hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9"
    )


@pytest.mark.django_db
def test_a_short_pause_is_waited_for_by_a_request_and_a_long_one_left_to_the_worker(target, web):
    sync.sync()
    Server.objects.update(hostname="shop")
    reload_throttle.begin_pause(target.pace, 0, BUDGET / 2)
    assert sync.sync(brief=True).result == "applied"
    Server.objects.update(hostname="mail")
    reload_throttle.begin_pause(target.pace, 0, 2)
    outcome = sync.sync(brief=True)
    assert (outcome.result, DhcpChange.objects.count()) == ("left", 1)
    assert 1 < outcome.wait <= 2


@pytest.mark.django_db(transaction=True)
def test_the_worker_comes_back_when_the_pause_is_over(target, web):
    sync.sync()
    Server.objects.update(hostname="shop")
    reload_throttle.begin_pause(target.pace, 0, 2)
    worker = DhcpWorker()
    worker.tick_all()
    (server,) = worker.servers.values()
    assert DhcpChange.objects.exists() and 0 < server.pause() <= INTERVAL
    time.sleep(server.not_before - server.now() + 0.01)
    server.tick()
    assert not DhcpChange.objects.exists()


@pytest.mark.django_db
def test_who_asks_for_it_at_a_prompt_need_not_wait(target, web):
    sync.sync()
    Server.objects.update(hostname="shop")
    reload_throttle.begin_pause(target.pace, 0, 2)
    assert sync.sync().result == "applied"


@pytest.mark.django_db
def test_changes_that_need_no_reload_begin_no_pause(target, web):
    sync.sync()
    target.pace.unlink()
    DhcpChange.objects.create(label="of no consequence")
    assert sync.sync().result == "unchanged" and not target.pace.exists()


# --- a real dnsmasq -------------------------------------------------------------------------------


@pytest.fixture
def working():
    """A worker, as in a process of its own."""
    worker = DhcpWorker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield worker
    worker.stop()
    thread.join()


def edit(number, name):
    """One transaction, by raw SQL: quick on any machine."""
    by_hand(
        "UPDATE hosts SET hostname = %s WHERE mac_address = %s",
        [name, f"02:00:00:00:00:{number:02x}"],
    )


@pytest.mark.django_db(transaction=True)
def test_a_thousand_edits_within_ten_seconds_cause_at_most_ten_reloads(lab, settings, working):
    """In `make test` three hundred within three seconds: at most six."""
    edits, seconds, most = (1000, 10.0, 10) if LONG else (300, 3.0, 6)
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.bulk_create(
        Server(hostname=f"s{n}", mac_address=f"02:00:00:00:00:{n:02x}", ip_address=f"10.77.0.{n}")
        for n in range(10, 20)
    )
    lab.wait(lambda: not DhcpChange.objects.exists(), "the worker does not sync")
    lab.wait(lambda: not reload_throttle.seconds_left(lab.files / "pace"), "the pause does not end")
    reads, started = lab.reads(), time.monotonic()

    def write(thread):
        try:
            for number in range(edits // 4):
                time.sleep(max(0, started + number * 4 * seconds / edits - time.monotonic()))
                edit(10 + thread, f"n{thread}-{number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.wait(lambda: not DhcpChange.objects.exists(), "it does not come to rest")
    assert all(f",n{thread}-{edits // 4 - 1}\n" in lab.hosts.read_text() for thread in range(4))
    assert 1 < lab.reads() - reads <= most


@pytest.mark.django_db(transaction=True)
def test_an_edit_now_and_then_is_served_within_its_own_request(lab, settings):
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(
        hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9"
    )
    for number in range(5):
        time.sleep(0.3)
        web.hostname = f"web{number}"
        web.save()
        assert f",web{number}\n" in lab.hosts.read_text() and not DhcpChange.objects.exists()
