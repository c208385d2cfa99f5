"""An allocation with a MAC address is served by DHCP as it stands, and a server takes over its
own."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from core.errors import Conflict
from dhcp.files import snapshot
from dhcp.files.sync import sync
from dhcp.models import DhcpChange
from dhcp.state.why import why
from ipam.addresses import parse_address
from ipam.allocate import allocate, quarantine, release
from ipam.models import Interface, IPAddress, Server
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token
from tests.support.by_hand import by_hand

pytestmark = pytest.mark.django_db
MAC, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def subnet(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path / "dnsmasq"
    settings.DHCP_SYNC = "worker"
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.99")
    DhcpChange.objects.all().delete()
    return subnet


@pytest.fixture
def api():
    return with_token("admin")


def changes():
    return [(row.kind, row.action, row.label) for row in DhcpChange.objects.order_by("pk")]


def lines():
    return [(str(record.ip), record.macs, record.name) for record in snapshot.take().records]


def hosts(settings):
    return (settings.DNSMASQ_DIR / "hosts").read_text()


def test_next_free_with_a_mac_address_is_a_line_that_why_knows(api, subnet, settings):
    url = f"/api/v1/subnets/{subnet.pk}/next-free/"
    response = api.post(url, {"hostname": "vm-1", "mac_address": MAC})
    assert response.status_code == 201
    assert changes() == [("ipaddress", "change", "10.0.0.10 vm-1")]
    assert sync().good
    assert f"{MAC},10.0.0.10,vm-1\n" in hosts(settings)
    found = why(MAC)
    assert found.steps[0].good
    assert "vm-1 10.0.0.10" in found.verdict


def test_an_address_that_is_changed_into_one_is_served(api, subnet):
    row = allocate(subnet, hostname="vm-1").row
    assert changes() == []
    url = f"/api/v1/ip-addresses/{row.pk}/"
    assert api.patch(url, {"mac_address": MAC}).status_code == 200
    assert lines() == [("10.0.0.10", (MAC,), "vm-1")]
    assert api.patch(url, {"hostname": "vm-2"}).status_code == 200
    assert [action for _kind, action, _label in changes()] == ["change", "change"]
    assert api.post(f"{url}release/").status_code == 200
    assert (lines(), len(changes())) == ([], 3)


def test_a_claim_without_a_mac_address_writes_no_change(api, subnet):
    url = f"/api/v1/subnets/{subnet.pk}/next-free/"
    assert api.post(url, {"vm_id": "vm-1", "hostname": "vm-1"}).status_code == 201
    release(IPAddress.objects.get(vm_id="vm-1"))
    assert changes() == []


def test_a_vm_that_tells_its_mac_address_later_is_served_from_then_on(subnet):
    allocate(subnet, vm_id="vm-1")
    assert lines() == []
    given = allocate(subnet, vm_id="vm-1", mac_address=MAC)
    assert given.existing
    assert [line[:2] for line in lines()] == [("10.0.0.10", (MAC,))]
    quarantine(IPAddress.objects.get(pk=allocate(subnet, mac_address=OTHER).row.pk))
    assert len(lines()) == 1


def test_those_in_a_vrf_are_not_served(subnet):
    other = SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory())
    PoolFactory(subnet=other, first="10.0.0.10", last="10.0.0.20")
    allocate(other, mac_address=MAC)
    allocate(subnet, mac_address=MAC)
    assert len(lines()) == 1


# --- a server takes over its own ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allocated", "server"),
    [
        ({"mac_address": MAC, "hostname": "web"}, {"hostname": "web", "mac_address": MAC}),
        ({"mac_address": MAC, "vm_id": "vm-1"}, {"hostname": "web", "mac_address": MAC}),
        ({"hostname": "Web"}, {"hostname": "web", "mac_address": MAC}),
        ({"hostname": "web"}, {"hostname": "web"}),
    ],
)
def test_a_server_takes_over_its_own_allocation(api, subnet, allocated, server):
    row = allocate(subnet, **allocated).row
    response = api.post("/api/v1/servers/", {**server, "ip_address": str(row.ip_address)})
    assert response.status_code == 201, response.json()
    row.refresh_from_db()
    assert (row.server_id, row.hostname) == (response.json()["id"], "web")
    assert [line[0] for line in lines()] == (["10.0.0.10"] if "mac_address" in server else [])
    Server.objects.get().delete()
    assert IPAddress.objects.get(ip_address="10.0.0.10").status == "available"


@pytest.mark.parametrize(
    ("allocated", "server"),
    [
        ({"mac_address": OTHER, "hostname": "web"}, {"hostname": "web", "mac_address": MAC}),
        ({"mac_address": OTHER, "hostname": "web"}, {"hostname": "web"}),
        ({"hostname": "db"}, {"hostname": "web", "mac_address": MAC}),
        ({"vm_id": "web"}, {"hostname": "web", "mac_address": MAC}),
        ({"vm_id": "vm-1", "hostname": "web"}, {"hostname": "web", "mac_address": MAC}),
        ({}, {"hostname": "web", "mac_address": MAC}),
    ],
)
def test_another_one_is_refused_and_its_holder_named(api, subnet, allocated, server):
    row = allocate(subnet, **allocated).row
    response = api.post("/api/v1/servers/", {**server, "ip_address": str(row.ip_address)})
    assert response.status_code == 409
    assert "is taken by" in response.json()["errors"]["ip_address"][0]
    row.refresh_from_db()
    assert row.server_id is None


def test_an_interface_takes_over_its_own(subnet):
    allocate(subnet, mac_address=MAC)
    server = ServerFactory(mac_address=OTHER)
    Interface(server=server, name="eth1", mac_address=MAC, ip_address="10.0.0.10").save()
    assert IPAddress.objects.get(ip_address="10.0.0.10").server_id == server.pk


# --- one MAC address, one machine -----------------------------------------------------------------


def test_nobody_else_gets_the_mac_address_of_an_allocation(subnet):
    allocate(subnet, mac_address=MAC, hostname="vm-1")
    with pytest.raises(Conflict, match=r"02:00:00:00:00:0a has 10.0.0.10"):
        allocate(subnet, mac_address=MAC)
    with pytest.raises(ValidationError, match="vm-1"):
        ServerFactory(mac_address=MAC)
    with pytest.raises(ValidationError, match="vm-1"):
        Interface(server=ServerFactory(), name="eth1", mac_address=MAC).save()
    assert len(lines()) == 1


def test_an_allocation_does_not_get_the_mac_address_of_a_server(subnet):
    server = ServerFactory(hostname="web", mac_address=MAC, ip_address="10.0.0.50")
    Interface(server=server, name="bmc", mac_address=OTHER).save()
    for mac in (MAC, OTHER):
        with pytest.raises(Conflict, match="web"):
            allocate(subnet, mac_address=mac)
        with pytest.raises(ValidationError, match="web"):
            IPAddress(ip_address="10.0.0.60", status="allocated", mac_address=mac).save()
    assert allocate(subnet).row.ip_address == parse_address("10.0.0.10")


def test_an_allocation_may_have_both_kinds_of_addresses(subnet):
    wide = SubnetFactory(network="2001:db8::/64")
    PoolFactory(subnet=wide, first="2001:db8::10", last="2001:db8::20")
    allocate(subnet, mac_address=MAC)
    allocate(wide, mac_address=MAC)
    assert len(lines()) == 2


TAKES = [
    "INSERT INTO hosts (hostname, mac_address) VALUES ('x', '02:00:00:00:00:0a')",
    "UPDATE hosts SET mac_address = '02:00:00:00:00:0a' WHERE hostname = 'old'",
    "INSERT INTO interfaces (server_id, name, mac_address) "
    "SELECT id, 'eth7', '02:00:00:00:00:0a' FROM hosts WHERE hostname = 'old'",
    "UPDATE ip_addresses SET status = 'allocated', mac_address = '02:00:00:00:00:0a' "
    "WHERE id = (SELECT max(id) FROM ip_addresses WHERE status = 'available')",
]


@pytest.mark.parametrize("statement", TAKES)
@pytest.mark.parametrize("holder", ["allocation", "interface"])
def test_raw_sql_cannot_give_a_mac_address_to_two_machines(subnet, statement, holder):
    ServerFactory(hostname="old", mac_address=OTHER)
    if holder == "allocation":
        allocate(subnet, mac_address=MAC)
    else:
        held = ServerFactory(hostname="held", mac_address=None)
        Interface(server=held, name="eth1", mac_address=MAC).save()
    with pytest.raises(IntegrityError, match="belongs to"):
        by_hand(statement)


def test_raw_sql_on_an_allocation_is_a_change(subnet):
    row = allocate(subnet, hostname="vm-1").row
    by_hand(f"UPDATE ip_addresses SET mac_address = '{MAC}' WHERE hostname = 'vm-1'")
    by_hand("UPDATE ip_addresses SET platform = 'x' WHERE hostname = 'vm-1'")
    found = DhcpChange.objects.get()
    assert (found.kind, found.object_id, found.action) == ("ipaddress", row.pk, "change")
    assert "SQL" in found.who
    assert [line[:2] for line in lines()] == [("10.0.0.10", (MAC,))]
    by_hand("DELETE FROM ip_addresses WHERE hostname = 'vm-1'")
    assert [change[:2] for change in changes()][1:] == [("ipaddress", "delete")]


def test_raw_sql_takes_over_an_allocation_as_the_site_does(subnet):
    allocate(subnet, mac_address=MAC)
    by_hand(
        f"INSERT INTO hosts (hostname, mac_address, ip_address) "
        f"SELECT 'web', '{MAC}', ip_address FROM ip_addresses WHERE mac_address = '{MAC}'"
    )
    assert IPAddress.objects.get(ip_address="10.0.0.10").server.hostname == "web"
