"""The laboratory itself behaves as a network with dnsmasq does, and leaves nothing behind."""

import signal
import subprocess
import sys
import time
from os.path import exists

import pytest

from tests.support.lab import POOL, laboratory
from tests.support.site import ROOT

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def lab():
    with laboratory() as lab:
        yield lab


def test_a_reservation_is_served_after_a_reload_without_a_restart(lab):
    assert lab.client.discover(A, wait=0.5) is None
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.reload()
    answer = lab.client.acquire(A)
    assert (answer.type, answer.ip, answer.options["hostname"]) == ("ACK", "10.77.0.9", "web")
    assert lab.lease_names() == {"10.77.0.9": "web"}


def test_a_moved_client_is_refused_and_gets_its_new_address(lab):
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.reload()
    lab.client.acquire(A)
    assert lab.client.renew(A, "10.77.0.9").type == "ACK"
    lab.write_hosts(f"{A},10.77.0.10,web\n")
    lab.reload()
    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert lab.client.acquire(A).ip == "10.77.0.10"


def test_a_released_address_is_no_lease_any_more(lab):
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.reload()
    lab.client.acquire(A)
    lab.client.release(A, "10.77.0.9")
    lab.wait(lambda: lab.lease_names() == {}, "the lease stays")


def test_busybox_s_client_gets_the_same_address(lab):
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.reload()
    assert lab.udhcpc(A) == "10.77.0.9"


def test_unknown_clients_take_the_pool():
    with laboratory([POOL]) as lab:
        assert lab.client.acquire(A).ip.startswith("10.77.0.10")


def test_laboratories_live_side_by_side():
    with laboratory() as one, laboratory([POOL]) as other:
        assert one.client.discover(A, wait=0.5) is None
        assert other.client.discover(A)


def test_a_stopped_server_is_silent_and_comes_back(lab):
    lab.write_hosts(f"{A},10.77.0.9,web\n")
    lab.stop()
    assert lab.client.discover(A, wait=0.2) is None
    lab.start()
    assert lab.client.acquire(A).ip == "10.77.0.9"


# Holds a laboratory until it is ended; prints dnsmasq's process id and the directory.
HOLDER = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from tests.support.lab import laboratory
with laboratory() as lab:
    print(lab.pidfile.read_text().strip(), lab.home, lab.server, flush=True)
    time.sleep(60)
"""


@pytest.mark.needs("root", "namespaces", "dnsmasq")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_laboratory_ends_with_its_test_run_however_that_ends(number):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as run:
        server, home, namespace = run.stdout.readline().decode().split()
        run.send_signal(number)
    places = [f"/proc/{server}", home, f"/run/netns/{namespace}"]
    deadline = time.monotonic() + 10
    while any(map(exists, places)):
        assert time.monotonic() < deadline, places
        time.sleep(0.05)
