"""Every way in which the network can disagree with the ledger, made by real clients and read on the
pages."""

import json
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command

from dhcp.files.sync import sync
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.models import Lease
from ipam.models import Server, Subnet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

POOL = "10.77.0.100,10.77.0.120,255.255.255.0,1h"
UNKNOWN, KNOWN, ELSEWHERE, HOLDER, HEIR, RIGHT, OFF = (
    f"02:00:00:00:00:{number:02x}" for number in range(1, 8)
)


@pytest.fixture
def network(lab):
    """One machine for each fate; the addresses of those whose address is the pool's to choose."""
    Subnet.objects.create(network="10.77.0.0/24")
    server("right", RIGHT, 9)
    held = server("held", HOLDER, 10)
    off = server("off", OFF, 11)
    server("known", KNOWN, None)
    took = {
        mac: lab.client.acquire(mac).ip for mac in (UNKNOWN, KNOWN, ELSEWHERE, HOLDER, RIGHT, OFF)
    }
    server("moved", ELSEWHERE, 12)
    held.mac_address = HEIR
    held.save()
    off.enabled = False
    off.save()
    sync()
    LeaseFileWatcher(lab.leases).poll()
    return took


def server(name, mac, number):
    ip = number and f"10.77.0.{number}"
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip)


@pytest.mark.parametrize("lab", [[POOL]], indirect=True)
def test_every_class_is_told_on_the_pages_and_at_the_prompt_with_its_reason(
    lab, network, admin_client
):
    verdicts = {lease.mac_address: lease.verdict for lease in Lease.objects.live().judged()}
    assert verdicts == {
        UNKNOWN: "unknown",
        KNOWN: "known",
        ELSEWHERE: "elsewhere",
        HOLDER: "conflict",
        RIGHT: "right",
        OFF: "right",
    }

    page = unescape(admin_client.get("/admin/dhcp/lease/").content.decode())
    for words in (
        "unknown device",
        "known, nothing reserved",
        "not at its own address",
        "another machine's address",
    ):
        assert words in page
    page = unescape(admin_client.get("/admin/ipam/server/").content.decode())
    for words in (
        f"{HOLDER} (held) holds 10.77.0.10 until",
        f"It uses {network[ELSEWHERE]}, until",
        "It uses its address, until",
        "It is disabled. It may use its address until",
        "It has no IP address.",
    ):
        assert words in page

    for mac, words in {
        UNKNOWN: "The ledger does not know it",
        KNOWN: "It has no IP address",
        ELSEWHERE: f"It uses {network[ELSEWHERE]}",
        HEIR: f"{HOLDER} (held) holds 10.77.0.10",
        RIGHT: "It uses its address",
    }.items():
        out = StringIO()
        call_command("why", mac, "--json", stdout=out)
        assert words in json.loads(out.getvalue())["verdict"]
