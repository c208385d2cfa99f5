"""The form “New machine” and the list of machines."""

import pytest

from ipam.models import IPAddress, Server
from machines.models import Machine
from pxe.models import BootAssignment, BootImage
from registry.models import Service
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.pxe.factories import ImageFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
ADD = "/admin/machines/machine/add/"
LIST = "/admin/machines/machine/"


@pytest.fixture
def subnet():
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.20")
    return subnet


def filled(subnet, **values):
    return {
        "hostname": "web",
        "mac_address": "02-00-00-00-00-0A",
        "subnet": subnet.pk,
        "ip_address": "",
        "image": (BootImage.objects.first() or ImageFactory(name="debian")).pk,
        "boot": "once",
        "services": "http ssh:22",
        "location": "Berlin",
        "description": "",
        "expires_at_0": "2099-01-01",
        "expires_at_1": "10:00",
        **values,
    }


def test_the_form_makes_everything_and_the_list_shows_it(admin_client, subnet):
    assert admin_client.get(ADD).status_code == 200
    response = admin_client.post(ADD, filled(subnet))
    assert response.status_code == 302, response.content.decode()
    server = Server.objects.get()
    assert (server.hostname, str(server.ip_address), server.location) == (
        "web",
        "10.0.0.10",
        "Berlin",
    )
    assert BootAssignment.objects.get().mode == "once"
    assert {service.port for service in Service.objects.all()} >= {22}
    page = admin_client.get(LIST).content.decode()
    assert "ssh:22" in page
    machine = Machine.objects.get()
    assert machine.expires_at.year == 2099
    assert admin_client.get(f"{LIST}{machine.pk}/change/").status_code == 200
    assert "web" in admin_client.get(f"{LIST}?q=web").content.decode()


def test_a_refusal_comes_back_at_its_field(admin_client, subnet):
    ServerFactory(hostname="old", ip_address="10.0.0.15")
    page = admin_client.post(ADD, filled(subnet, ip_address="10.0.0.15")).content.decode()
    assert "10.0.0.15 belongs to server “old”." in page
    assert admin_client.post(ADD, filled(subnet, ip_address="x")).status_code == 200
    assert admin_client.post(ADD, filled(subnet, services="a:b")).status_code == 200
    assert not (Machine.objects.exists() or Service.objects.exists())


def test_deleting_says_what_goes_and_takes_all_of_it_back(admin_client, subnet):
    admin_client.post(ADD, filled(subnet))
    url = f"{LIST}{Machine.objects.get().pk}/delete/"
    assert "development/web-ssh" in admin_client.get(url).content.decode()
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not (Server.objects.exists() or Service.objects.exists())
    assert IPAddress.objects.get(ip_address="10.0.0.10").status == "available"


def test_the_servers_list_leads_to_the_form(admin_client):
    assert (
        "/admin/ipam/server/new-machine" in admin_client.get("/admin/ipam/server/").content.decode()
    )
    response = admin_client.get("/admin/ipam/server/new-machine/")
    assert response["Location"] == ADD


def test_it_needs_the_rights_of_its_parts(client, subnet):
    client.force_login(staff("ipam.add_server", "ipam.view_server"))
    page = client.post(ADD, filled(subnet)).content.decode()
    assert "You may not assign boot images." in page
    assert client.post(ADD, filled(subnet, image="", services="")).status_code == 302
    client.force_login(staff("ipam.view_server"))
    assert client.get(ADD).status_code == 403
    assert client.get(LIST).status_code == 200
    client.force_login(staff())
    assert client.get(LIST).status_code == 403
