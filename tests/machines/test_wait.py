"""`wait`: the answer says what was seen of the reservation, and nothing that was not."""

import threading
import time

import pytest
from django.db import connection

from core import web_process
from dhcp.leases.ingest import ingest, read_stable
from dhcp.leases.lease_file import parse_leases
from dhcp.models import DhcpChange, DhcpScope
from ipam.models import Subnet
from machines import wait
from tests.dhcp.conftest import asked, lab, target  # noqa: F401
from tests.support.api import with_token

pytestmark = pytest.mark.django_db(transaction=True)
MACHINES = "/api/v1/machines/"
MAC = "02:00:00:00:00:0a"


@pytest.fixture
def body(target):  # noqa: F811
    subnet = Subnet(network="10.77.0.0/24")
    subnet.static_ip_pools = ["10.77.0.10-10.77.0.20"]
    subnet.save()
    DhcpScope.objects.create(subnet=subnet)
    return {"hostname": "ci-1", "mac_address": MAC, "subnet": "10.77.0.0/24"}


def seen(body, **values):
    response = with_token("admin").post(MACHINES, {**body, **values})
    assert response.status_code in (200, 201), response.json()
    return response.json()["dhcp"]


def test_told_when_dnsmasq_itself_has_confirmed(asked, body):  # noqa: F811
    found = seen(body, wait="told")
    assert (found["state"], found["timed_out"], found["live_after_ms"]) == ("told", False, None)
    assert 0 <= found["told_after_ms"] < 10_000


def test_live_when_the_machine_has_its_lease(asked, body):  # noqa: F811
    early = seen(body, wait="live", timeout=0.2)
    assert (early["state"], early["timed_out"], early["live_after_ms"]) == ("told", True, None)
    assert asked.client.acquire(MAC).ip == "10.77.0.10"
    ingest(parse_leases(read_stable(asked.leases)))
    found = seen(body, wait="live", timeout=0.2)
    assert (found["state"], found["timed_out"]) == ("live", False)
    assert found["live_after_ms"] is not None


def test_written_where_nobody_was_asked(body):
    found = seen(body, wait="told", timeout=5)
    assert (found["state"], found["told_after_ms"], found["timed_out"]) == ("written", None, False)


def test_pending_while_the_worker_has_not_synced(body, settings):
    settings.DHCP_SYNC = "worker"
    found = seen(body, wait="told", timeout=0.1)
    assert (found["state"], found["timed_out"]) == ("pending", True)
    assert DhcpChange.objects.exists()


def test_a_machine_that_is_not_served_is_said_so_at_once(body):
    began = time.monotonic()
    assert seen(body, enabled=False, wait="live")["state"] == "not_served"
    assert time.monotonic() - began < 5


def test_no_transaction_is_open_and_a_key_does_not_repeat_what_was_seen(body, monkeypatch):
    inside = []
    monkeypatch.setattr(wait, "look_at", _recording(inside))
    api, key = with_token("admin"), {"HTTP_IDEMPOTENCY_KEY": "k"}
    first = api.post(f"{MACHINES}?wait=told&timeout=0.1", body, **key)
    second = api.post(f"{MACHINES}?wait=told&timeout=0.1", body, **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second["Idempotency-Replayed"] == "true"
    assert [response.json()["dhcp"]["state"] for response in (first, second)] == ["written"] * 2
    assert inside and not any(inside)


def _recording(inside):
    look_at = wait.look_at

    def recorded(server_id):
        inside.append(connection.in_atomic_block)
        return look_at(server_id)

    return recorded


def test_where_too_many_wait_the_machine_is_made_and_the_answer_comes_at_once(body, settings):
    settings.DHCP_SYNC = "worker"
    go = threading.Event()

    def occupy():
        with web_process.waiting_place():
            go.wait(20)

    waiters = [threading.Thread(target=occupy) for _ in range(web_process.most_waiters())]
    for thread in waiters:
        thread.start()
    try:
        began = time.monotonic()
        found = seen(body, wait="live", timeout=10)
        assert time.monotonic() - began < 8
        assert (found["state"], found["timed_out"]) == ("pending", True)
    finally:
        go.set()
        for thread in waiters:
            thread.join()
