"""From a saved server to a DHCP client's address, without a restart."""

from dataclasses import replace

import pytest

from dhcp.files import snapshot
from dhcp.files.sync import sync
from dhcp.models import DhcpChange, Generation
from ipam.models import Interface, Server, Subnet
from tests.support.lab import POOL, STATIC

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
NOBODY = {"wait": 0.3}
both_kinds = pytest.mark.parametrize(
    "lab", [[STATIC], [POOL]], indirect=True, ids=["static only", "with a pool"]
)


@pytest.fixture
def subnet(lab):
    return Subnet.objects.create(network="10.77.0.0/24")


def server(ip, mac=A, name="web", **more):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip, **more)


def test_a_saved_server_gets_its_address(lab, subnet):
    server("10.77.0.9")
    answer = lab.client.acquire(A)
    assert (answer.type, answer.ip, answer.options["hostname"]) == ("ACK", "10.77.0.9", "web")


def test_busybox_s_client_gets_it_too(lab, subnet):
    server("10.77.0.9")
    assert lab.udhcpc(A) == "10.77.0.9"


@both_kinds
def test_a_moved_server_s_old_address_is_refused_and_it_gets_the_new_one(lab, subnet):
    web = server("10.77.0.9")
    lab.client.acquire(A)
    assert lab.client.renew(A, "10.77.0.9").type == "ACK"

    web.ip_address = "10.77.0.10"
    web.save()

    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert lab.client.acquire(A).ip == "10.77.0.10"


def test_a_deleted_server_gets_nothing_where_only_reservations_are_served(lab, subnet):
    web = server("10.77.0.9")
    lab.client.acquire(A)
    web.delete()
    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert lab.client.discover(A, **NOBODY) is None


@pytest.mark.parametrize("lab", [[POOL]], indirect=True)
def test_a_deleted_server_gets_a_pool_address_where_there_is_a_pool(lab, subnet):
    web = server("10.77.0.9")
    lab.client.acquire(A)
    web.delete()
    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert lab.client.acquire(A).ip.startswith("10.77.0.10")


@pytest.mark.parametrize("lab", [[POOL]], indirect=True)
def test_an_address_inside_the_dhcp_pool_is_kept_by_its_holder(lab, subnet):
    web = server("10.77.0.105")
    lab.client.acquire(A)
    web.delete()
    assert lab.client.renew(A, "10.77.0.105").type == "ACK"
    assert lab.client.acquire(A).ip == "10.77.0.105"


def test_a_disabled_server_is_not_served_until_it_is_enabled_again(lab, subnet):
    web = server("10.77.0.9", enabled=False)
    assert lab.client.discover(A, **NOBODY) is None
    web.enabled = True
    web.save()
    assert lab.client.acquire(A).ip == "10.77.0.9"


def test_a_changed_card_gets_the_address_once_the_old_one_has_let_go(lab, subnet):
    web = server("10.77.0.9")
    lab.client.acquire(A)
    lab.client.release(A, "10.77.0.9")
    web.mac_address = B
    web.save()
    assert lab.client.acquire(B).ip == "10.77.0.9"
    assert lab.client.discover(A, **NOBODY) is None


def test_a_renamed_server_has_its_new_name_at_once(lab, subnet):
    web = server("10.77.0.9")
    lab.client.acquire(A)
    web.hostname = "shop"
    web.save()
    lab.client.renew(A, "10.77.0.9")
    assert lab.lease_names() == {"10.77.0.9": "shop"}


def test_interfaces_are_served_under_a_name_of_their_own(lab, subnet):
    web = server("10.77.0.9")
    Interface.objects.create(server=web, name="ipmi", mac_address=B, ip_address="10.77.0.19")
    answer = lab.client.acquire(B)
    assert (answer.ip, answer.options["hostname"]) == ("10.77.0.19", "web-ipmi")


def test_a_server_without_a_subnet_is_served_as_soon_as_there_is_one(lab):
    server("10.77.0.9")
    assert lab.client.discover(A, **NOBODY) is None
    Subnet.objects.create(network="10.77.0.0/24")
    assert lab.client.acquire(A).ip == "10.77.0.9"


@pytest.mark.parametrize("name", ["12h", "ignore", "Infinite", "9", "x.y.example"])
def test_a_name_with_a_meaning_loses_no_reservation_and_harms_no_neighbour(lab, subnet, name):
    server("10.77.0.8", C, "before")
    server("10.77.0.9", A, name)
    server("10.77.0.10", B, "behind")
    assert [lab.client.acquire(mac).ip for mac in (C, A, B)] == [
        "10.77.0.8",
        "10.77.0.9",
        "10.77.0.10",
    ]
    sync()
    assert [lab.client.acquire(mac).ip for mac in (C, A, B)] == [
        "10.77.0.8",
        "10.77.0.9",
        "10.77.0.10",
    ]
    assert lab.lease_names()["10.77.0.9"] in ("*", "x")


@pytest.mark.parametrize("name", ["x,ignore", f"x\n{B},10.77.0.66,evil", "set:x", '"'])
def test_a_name_that_the_database_would_refuse_changes_no_other_line(
    lab, subnet, monkeypatch, name
):
    """Were such a name to get past the database, it would meet the same fate."""
    server("10.77.0.8", C, "before")
    server("10.77.0.9", A, "web")
    whole = snapshot.take

    def poisoned(*server):
        seen = whole(*server)
        return replace(
            seen, records=[replace(r, name=name) if r.name == "web" else r for r in seen.records]
        )

    monkeypatch.setattr(snapshot, "take", poisoned)
    assert sync().good

    assert [lab.client.acquire(mac).ip for mac in (C, A)] == ["10.77.0.8", "10.77.0.9"]
    assert lab.client.discover(B, **NOBODY) is None
    sync(force=True)
    assert lab.hosts.read_text().splitlines()[2:] == [f"{C},10.77.0.8,before", f"{A},10.77.0.9"]


def test_dnsmasq_itself_confirms_what_it_has_read(asked, subnet):
    server("10.77.0.9")
    newest = Generation.objects.newest()
    assert (newest.result, newest.confirmed, newest.hosts) == ("applied", True, 1)
    assert not DhcpChange.objects.exists()


def test_changes_while_dnsmasq_was_away_are_pending_with_the_reason_and_served_on_its_return(
    asked, subnet
):
    asked.stop()
    server("10.77.0.9")
    assert Generation.objects.newest().result == "failed"
    assert DhcpChange.objects.count() == 1
    asked.start()
    assert sync().confirmed is True
    assert asked.client.acquire(A).ip == "10.77.0.9"
    assert not DhcpChange.objects.exists()
