"""The operation manual's psql statements, word for word: live at a DHCP client with nothing but the
worker running."""

import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.db import connection

from dhcp.models import DhcpChange, Generation
from ipam.models import IPAddress, Server, Subnet
from ipam.placement.populate import populate
from tests.support import postgres
from tests.support.by_hand import POSTGRESQL, only
from tests.support.lab import laboratory
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

MAC = "00:11:22:33:44:55"
NEW_SUBNET = """
INSERT INTO subnets (network, description)
VALUES ('10.112.58.0/24', 'Neues Büro UG');
"""
NEW_HOST = (
    "INSERT INTO hosts (hostname, ip_address, mac_address) "
    f"VALUES ('pc-7', '10.112.58.20', '{MAC}');"
)
DELETE = "DELETE FROM hosts WHERE mac_address = '00:11:22:33:44:55';"
LIVE = 5.0  # seconds; it takes about one
PATIENCE = 30.0  # for the rest, on a machine that has much else to do


@pytest.fixture
def lab(settings):
    with laboratory(["10.112.58.0,static,255.255.255.0,1h"], address="10.112.58.1/24") as lab:
        settings.DHCP_SYNC = "worker"
        yield lab
        assert lab.complaints() == []
        assert lab.alive()


@contextmanager
def worker(lab, environment):
    """manage.py worker, once it has looked for the first time."""
    ours = {"IPMANAGER_DNSMASQ_DIR": str(lab.files), "IPMANAGER_DNSMASQ_RELOAD": lab.reload_setting}
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment | ours, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: Generation.objects.exists() or process.poll() is not None, 60)
        yield
    finally:
        process.terminate()
        errors = process.communicate(timeout=30)[1]
    assert "Traceback" not in errors and "ERROR" not in errors


def wait_until(ready, within=PATIENCE):
    """How long it took."""
    started = time.monotonic()
    while not ready():
        assert time.monotonic() - started < within
        time.sleep(0.02)
    return time.monotonic() - started


def psql(statements):
    at = connection.settings_dict
    command = [postgres.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", at["HOST"], "-p", str(at["PORT"]), "-U", "ipadmin", "-d", at["NAME"]]
    subprocess.run(command, input=statements, text=True, check=True, capture_output=True)


def gets(lab, ip):
    answer = lab.client.discover(MAC, wait=0.3)
    return (answer.ip if answer else None) == ip


@only(POSTGRESQL)
def test_the_manual_s_insert_and_delete_are_live_and_in_the_change_log(lab, shared_database):
    with worker(lab, shared_database):
        psql(NEW_SUBNET + NEW_HOST)
        print("live after", wait_until(lambda: gets(lab, "10.112.58.20"), LIVE))
        assert lab.client.acquire(MAC).ip == "10.112.58.20"
        subnet = Subnet.objects.get()
        wait_until(lambda: not DhcpChange.objects.exists())

        psql(DELETE)
        print("gone after", wait_until(lambda: gets(lab, None), LIVE))
        assert lab.client.renew(MAC, "10.112.58.20").type == "NAK"
        wait_until(lambda: not DhcpChange.objects.exists())

    log = [
        change for generation in Generation.objects.order_by("pk") for change in generation.changes
    ]
    assert [
        (change["kind"], change["name"], change["action"], change["who"]) for change in log
    ] == [
        ("subnet", "10.112.58.0/24", "add", "ipadmin (SQL)"),
        ("server", "pc-7", "add", "ipadmin (SQL)"),
        ("server", "pc-7", "delete", "ipadmin (SQL)"),
    ]
    assert [line.history_type for line in Server.history.order_by("history_id")] == ["+", "-"]
    assert {
        line.history_change_reason for line in [*Server.history.all(), *subnet.history.all()]
    } == {"ipadmin (SQL)"}
    assert subnet.description == "Neues Büro UG"
    assert not IPAddress.objects.exists()
    assert populate().refused == []


@only(POSTGRESQL)
def test_what_psql_takes_back_leaves_nothing():
    psql(f"BEGIN; {NEW_SUBNET} {NEW_HOST} ROLLBACK;")
    for rows in (
        Subnet.objects,
        Server.objects,
        IPAddress.objects,
        DhcpChange.objects,
        Server.history,
        Subnet.history,
    ):
        assert not rows.exists()


@only(not POSTGRESQL)
def test_a_deletion_with_a_plain_sqlite_client_is_live_too(lab, shared_database):
    Subnet.objects.create(network="10.112.58.0/24")
    Server.objects.create(hostname="pc-7", mac_address=MAC, ip_address="10.112.58.20")
    with worker(lab, shared_database):
        wait_until(lambda: gets(lab, "10.112.58.20"))
        other = sqlite3.connect(connection.settings_dict["NAME"], timeout=20)
        other.executescript(DELETE)
        other.close()
        wait_until(lambda: gets(lab, None))
        wait_until(lambda: not DhcpChange.objects.exists())
    assert Generation.objects.newest().changes[-1]["who"] == "SQL"
    assert Server.history.latest("history_id").history_change_reason == "SQL"
    assert not IPAddress.objects.exists()
