"""A token that is for some networks only: what lies elsewhere is not there for it."""

import pytest

from ipam.models import IPAddress, Pool, Server, Subnet
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"
RESOURCES = ["vrfs", "subnets", "pools", "ip-addresses", "servers", "interfaces"]


@pytest.fixture
def api():
    return with_token("admin", subnets=["10.1.0.0/16", "2001:db8::/48"])


@pytest.fixture
def here():
    """A subnet with a pool, and a server with an interface, that the token is for."""
    return furnished("10.1.0.0/24", "10.1.0.")


@pytest.fixture
def there():
    """The same where it is not."""
    return furnished("10.2.0.0/24", "10.2.0.")


def furnished(network, start):
    subnet = SubnetFactory(network=network, gateway=f"{start}1")
    return {
        "subnets": subnet,
        "pools": PoolFactory(subnet=subnet, first=f"{start}10", last=f"{start}12"),
        "servers": ServerFactory(ip_address=f"{start}20"),
        "interfaces": InterfaceFactory(server__ip_address=f"{start}30", ip_address=f"{start}31"),
        "ip-addresses": IPAddress.objects.get(ip_address=f"{start}20"),
    }


@pytest.mark.parametrize("name", RESOURCES[1:])
def test_it_sees_what_lies_in_its_networks_and_nothing_else(api, here, there, name):
    shown = {row["id"] for row in api.get(f"{API}/{name}/").json()["results"]}
    assert here[name].pk in shown
    assert there[name].pk not in shown
    assert api.get(f"{API}/{name}/{here[name].pk}/").status_code == 200
    assert api.get(f"{API}/{name}/{there[name].pk}/").status_code == 404


def test_it_sees_no_vrf_and_nothing_in_one(api):
    ServerFactory(vrf=VRFFactory(), ip_address="10.1.0.9")
    assert [api.get(f"{API}/{name}/").json()["count"] for name in RESOURCES] == [0] * 6


@pytest.mark.parametrize("name", RESOURCES[1:])
@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_what_lies_elsewhere_cannot_be_changed(api, there, name, method):
    assert getattr(api, method)(f"{API}/{name}/{there[name].pk}/", {}).status_code == 404
    assert type(there[name]).objects.filter(pk=there[name].pk).exists()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("vrfs", {"name": "red"}),
        ("subnets", {"network": "10.3.0.0/24"}),
        ("subnets", {"network": "10.0.0.0/8"}),
        ("servers", {"hostname": "web", "ip_address": "10.3.0.1"}),
        ("servers", {"hostname": "web"}),
        ("ip-addresses", {"ip_address": "10.3.0.1", "status": "reserved"}),
    ],
)
def test_nothing_is_made_elsewhere(api, name, sent):
    status, problem = answer(api.post(f"{API}/{name}/", sent))
    assert (status, problem["detail"]) == (
        403,
        "This token is for 10.1.0.0/16, 2001:db8::/48 only.",
    )
    assert not Subnet.objects.exists()
    assert not Server.objects.exists()
    assert not IPAddress.objects.exists()


def test_nothing_of_its_own_is_hung_on_what_lies_elsewhere(api, here, there):
    sent = {"subnet": there["subnets"].pk, "first": "10.2.0.50", "last": "10.2.0.51"}
    assert api.post(f"{API}/pools/", sent).status_code == 400  # as a key of no subnet
    nic = {"server": there["servers"].pk, "name": "eth9", "ip_address": "10.1.0.99"}
    assert api.post(f"{API}/interfaces/", nic).status_code == 400
    assert Pool.objects.count() == 2


def test_nothing_is_moved_elsewhere(api, here):
    server = here["servers"]
    assert api.patch(f"{API}/servers/{server.pk}/", {"ip_address": "10.2.0.20"}).status_code == 403
    assert (
        api.patch(f"{API}/subnets/{here['subnets'].pk}/", {"network": "10.0.0.0/8"}).status_code
        == 403
    )
    server.refresh_from_db()
    assert str(server.ip_address) == "10.1.0.20"


def test_it_works_where_it_belongs(api, here):
    assert (
        api.post(f"{API}/subnets/{here['subnets'].pk}/next-free/").json()["ip_address"]
        == "10.1.0.10"
    )
    made = api.post(f"{API}/servers/", {"hostname": "web", "ip_address": "10.1.0.77"})
    assert made.status_code == 201
    assert api.post(f"{API}/subnets/", {"network": "2001:db8:0:1::/64"}).status_code == 201


@pytest.mark.parametrize(
    ("bounds", "status"), [("172.16.0.0/12", 200), ("172.16.0.0/25", 403), ("10.0.0.0/8", 403)]
)
def test_the_pool_for_virtual_machines_asks_too(bounds, status):
    api = with_token("allocate", subnets=[bounds])
    assert api.get(f"{API}/ip/stats").status_code == status


def test_a_refusal_for_a_row_elsewhere_does_not_name_it(api, here, there):
    """Even that of a name, a MAC address, a VM or an address inside that a machine outside has."""
    there["servers"].hostname = "foreign"
    there["servers"].save()
    InterfaceFactory(server=there["servers"], ip_address="10.1.0.88")
    IPAddress.objects.filter(ip_address="10.2.0.10").update(status="allocated", vm_id="vm-9")
    refused = "Not available to this token."
    made = {"hostname": "FOREIGN", "ip_address": "10.1.0.88"}
    status, problem = answer(api.post(f"{API}/servers/", made))
    assert status == 409
    assert problem["errors"] == {"hostname": [refused], "ip_address": [refused]}
    status, problem = answer(
        api.post(f"{API}/subnets/{here['subnets'].pk}/next-free/", {"vm_id": "vm-9"})
    )
    assert (status, problem["detail"]) == (409, refused)


def test_a_refusal_for_an_own_row_names_it(api, here):
    made = {"hostname": here["servers"].hostname, "ip_address": "10.1.0.77"}
    status, problem = answer(api.post(f"{API}/servers/", made))
    assert (status, here["servers"].hostname in problem["detail"]) == (409, True)


def test_the_subnet_around_an_own_address_is_not_shown(api, here):
    around = SubnetFactory(network="10.0.0.0/8", name="all", site="centre")
    made = api.post(f"{API}/ip-addresses/", {"ip_address": "10.1.9.9", "status": "reserved"}).json()
    assert (made["subnet"], made["subnet_name"], made["subnet_details"]) == (None, None, None)
    url = f"{API}/ip-addresses/"
    assert api.get(url, {"site": "centre"}).json()["count"] == 0
    assert api.get(url, {"subnet": around.pk}).status_code == 400
    assert made in api.get(url, {"subnet": "none"}).json()["results"]
