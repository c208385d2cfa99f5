"""A server on a reserved address: a warning tells, and the reservation comes back with its note."""

import pytest
from django.urls import reverse

from ipam.allocate import allocate, release
from ipam.models import Interface, IPAddress, Server
from ipam.placement.populate import populate
from ipam.querysets import note_history
from tests.ipam.admin_forms import messages_of, save
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"
NOTE = "for the printer"
SAID = f"10.0.0.12 was reserved for “{NOTE}”"


@pytest.fixture(autouse=True)
def subnet():
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])


@pytest.fixture
def api():
    return with_token("admin")


def row(address="10.0.0.12"):
    return IPAddress.objects.get(ip_address=address)


def reserve(address="10.0.0.12", note=NOTE):
    IPAddress.objects.update_or_create(
        ip_address=address, defaults={"status": "reserved", "description": note}
    )
    return row(address)


def state(address="10.0.0.12"):
    found = row(address)
    return found.status, found.description, found.hostname, found.reservation


# --- who takes one is told ------------------------------------------------------------------------


def test_the_api_warns(api):
    reserve()
    status, made = answer(
        api.post(f"{API}/servers/", {"hostname": "web", "ip_address": "10.0.0.12"})
    )
    assert status == 201
    assert [text[: len(SAID)] for text in made["warnings"]] == [SAID]
    assert "warnings" not in api.get(f"{API}/servers/{made['id']}/").json()
    assert api.put(f"{API}/servers/{made['id']}/", made).status_code == 200
    assert api.delete(f"{API}/servers/{made['id']}/").status_code == 204
    assert state() == ("reserved", NOTE, "", None)


def test_the_api_warns_of_interfaces_and_of_many(api):
    reserve("10.0.0.13", note="")
    server = ServerFactory(ip_address=None)
    nic = {"server": server.pk, "name": "bmc", "ip_address": "10.0.0.13"}
    made = answer(api.post(f"{API}/interfaces/", nic))[1]
    assert made["warnings"][0].startswith("10.0.0.13 was reserved. ")
    reserve()
    rows = [{"hostname": "a"}, {"hostname": "b", "ip_address": "10.0.0.12"}]
    done = answer(api.post(f"{API}/servers/bulk/", rows))[1]
    assert done["warnings"][0].startswith(SAID)
    assert "warnings" not in answer(api.post(f"{API}/servers/bulk/", [{"hostname": "c"}]))[1]


def test_the_admin_warns(admin_client):
    reserve()
    shown = save(
        admin_client,
        reverse("admin:ipam_server_add"),
        hostname="web",
        ip_address="10.0.0.12",
    )
    assert any(SAID in text for text in messages_of(shown))


# --- emptying Server in the form of an address ----------------------------------------------------


def change_page(address="10.0.0.12"):
    return reverse("admin:ipam_ipaddress_change", args=[row(address).pk])


def test_an_emptied_server_brings_the_reservation_back(admin_client):
    reserve()
    server = ServerFactory(hostname="web", ip_address="10.0.0.12")
    shown = save(admin_client, change_page(), server="")
    assert state() == ("reserved", NOTE, "", None)
    assert any(NOTE in text for text in messages_of(shown))
    server.refresh_from_db()
    assert server.ip_address is None


@pytest.mark.parametrize("address", ["10.0.0.12", "10.0.0.50"])
def test_an_emptied_server_leaves_nothing_allocated(admin_client, address):
    ServerFactory(hostname="web", ip_address=address)
    save(admin_client, change_page(address), server="")
    assert not IPAddress.objects.exclude(status="available").exists()


@pytest.mark.parametrize(
    ("status", "note"), [("reserved", NOTE), ("quarantine", ""), ("available", "")]
)
def test_a_chosen_status_is_obeyed(admin_client, status, note):
    reserve()
    ServerFactory(hostname="web", ip_address="10.0.0.12")
    save(admin_client, change_page(), server="", status=status)
    assert (row().status, row().description) == (status, note)


# --- populate_ipam --------------------------------------------------------------------------------


def leak(address="10.0.0.12"):
    """What a form left behind: the server's name on an allocation of nobody."""
    server = ServerFactory(hostname="web", ip_address=address)
    found = row(address)
    server.ip_address = None
    Server.objects.bulk_update([server], ["ip_address"])
    IPAddress.objects.filter(ip_address=address).delete()
    again = IPAddress(ip_address=address, status="allocated", hostname="web", ip_type=found.ip_type)
    again.subnet = found.subnet
    IPAddress.objects.bulk_create([again])
    note_history([again], "+")
    return server


@pytest.mark.parametrize(("address", "left"), [("10.0.0.12", ["available"]), ("10.0.0.50", [])])
def test_a_leaked_row_is_freed(address, left):
    leak(address)
    assert populate().leaked == 1
    rows = IPAddress.objects.filter(ip_address=address)
    assert list(rows.values_list("status", flat=True)) == left
    assert populate().leaked == 0


def test_a_row_that_has_lost_its_server_behind_our_back_is_given_back():
    server = ServerFactory(hostname="web", ip_address="10.0.0.12")
    IPAddress.objects.filter(server=server).update(server=None)
    report = populate()
    assert (report.leaked, report.refused, row().server) == (1, [], server)


def test_the_note_of_a_leaked_reservation_comes_back():
    reserve()
    leak()
    populate()
    assert state()[:2] == ("reserved", NOTE)


def test_allocations_that_name_nobody_stay(subnet):
    allocate(subnet)
    server = ServerFactory(hostname="web", ip_address="10.0.0.12")
    server.delete()
    for line in IPAddress.history.filter(ip_address="10.0.0.12"):
        line.history_date = line.history_date.replace(year=2020)
        line.save()
    allocate(subnet, wanted="10.0.0.12", hostname="web")
    assert populate().leaked == 0
    assert IPAddress.objects.filter(status="allocated").count() == 2
    release(row())
    assert Interface.objects.count() == 0


def test_clearing_keeps_what_a_server_has_taken():
    reserve()
    server = ServerFactory(hostname="web", ip_address="10.0.0.12")
    populate(clear=True)
    assert row().reservation == NOTE
    server.delete()
    assert state() == ("reserved", NOTE, "", None)
