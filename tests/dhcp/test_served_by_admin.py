"""From the admin's form to a DHCP client's address, without a restart of dnsmasq."""

import pytest

from ipam.models import Server, Subnet
from tests.ipam.admin_forms import errors_of, save
from tests.support.lab import POOL, STATIC

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

A = "02:00:00:00:00:0a"
ADD = "/admin/ipam/server/add/"
both_kinds = pytest.mark.parametrize(
    "lab", [[STATIC], [POOL]], indirect=True, ids=["static only", "with a pool"]
)


@pytest.fixture
def subnet(lab):
    return Subnet.objects.create(network="10.77.0.0/24")


@pytest.fixture
def web(lab, subnet, admin_client):
    save(admin_client, ADD, hostname="web", ip_address="10.77.0.9", mac_address="0200.0000.000A")
    return f"/admin/ipam/server/{Server.objects.get().pk}/"


@both_kinds
def test_a_server_saved_in_the_admin_moves_and_goes_for_its_dhcp_client_too(lab, web, admin_client):
    assert lab.client.acquire(A).ip == "10.77.0.9"

    save(admin_client, web + "change/", ip_address="10.77.0.10")
    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert lab.client.acquire(A).ip == "10.77.0.10"

    admin_client.post(web + "delete/", {"post": "yes"})
    assert lab.client.renew(A, "10.77.0.10").type == "NAK"
    offer = lab.client.discover(A, wait=0.5)
    assert offer is None or offer.ip not in ("10.77.0.9", "10.77.0.10")


@pytest.mark.parametrize("name", ["x,ignore", "two\nlines", "a b", "set:x", "*"])
def test_the_admin_refuses_a_name_that_could_break_a_line_and_the_reservation_stays(
    lab, web, admin_client, name
):
    page = save(admin_client, web + "change/", hostname=name)
    assert "hostname" in errors_of(page)
    assert lab.client.acquire(A).ip == "10.77.0.9"


@pytest.mark.parametrize("name", ["12h", "ignore", "infinite", "1234"])
def test_a_name_that_dnsmasq_would_misread_costs_only_the_name(lab, web, admin_client, name):
    save(admin_client, web + "change/", hostname=name)
    assert Server.objects.get().hostname == name
    assert lab.client.acquire(A).ip == "10.77.0.9"
