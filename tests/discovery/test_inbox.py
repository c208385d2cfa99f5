"""The inbox: devices whose MAC address no card of the ledger has, and what is done about them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from discovery.conflicts.worker import FindConflicts
from discovery.inbox import derive
from discovery.inbox.actions import act
from discovery.inbox.models import UnknownDevice
from ipam.allocate import allocate
from ipam.models import Interface, IPAddress, Server, Sighting, Subnet
from tests.discovery.sightings import A, B, C, saw
from tests.support.api import staff, with_token

pytestmark = pytest.mark.django_db
INTEL = "00:1b:21:00:00:01"


@pytest.fixture
def office():
    subnet = Subnet(network="10.0.0.0/24", gateway="10.0.0.1")
    subnet.static_ip_pools = ["10.0.0.10-10.0.0.19"]
    subnet.dhcp_pools = ["10.0.0.100-10.0.0.109"]
    subnet.save()
    return subnet


def found():
    derive.full_round(timezone.now())
    return list(UnknownDevice.objects.new().order_by("mac_address"))


def one(ip="10.0.0.100", mac=B, **more):
    saw(ip, mac, **more)
    return found()[0]


def test_only_macs_that_no_card_has_are_unknown(office):
    server = Server.objects.create(hostname="web", mac_address=A)
    Interface.objects.create(server=server, name="eth1", mac_address=B)
    allocate(office, mac_address=C)
    for mac in (A, B, C, INTEL, "00:00:5e:00:01:07", None):
        saw("10.0.0.200", mac)
    assert [row.mac_address for row in found()] == [INTEL]


def test_a_device_tells_where_when_and_what_it_calls_itself(office):
    saw("10.0.0.100", INTEL, "lease", ago=60, hostname="printer")
    saw("10.0.0.100", INTEL)
    saw("10.0.0.100", INTEL, "dhcp", ago=30)
    row = found()[0]
    assert (str(row.ip_address), row.source, row.hostname) == ("10.0.0.100", "arp", "printer")
    assert row.requests == 2
    body = with_token("read").get(f"/api/v1/unknown-devices/{row.pk}/").json()
    assert body["manufacturer"] == "Intel Corporate"
    assert body["randomised"] is False


def test_a_made_up_mac_address_is_marked(office):
    one(mac="0a:00:00:00:00:01")
    one(mac=INTEL)
    api = with_token("read")
    shown = api.get("/api/v1/unknown-devices/?randomised=true").json()["results"]
    assert [row["mac_address"] for row in shown] == ["0a:00:00:00:00:01"]


def test_an_old_sighting_leaves_the_row_alone(office):
    row = one()
    saw("10.0.0.101", B, ago=500)
    assert found() == [row]
    assert str(UnknownDevice.objects.get().ip_address) == "10.0.0.100"


def test_it_leaves_the_inbox_when_the_ledger_knows_it_and_comes_back_when_not(office):
    worker = FindConflicts()
    saw("10.0.0.200", B)
    worker.work()
    server = Server.objects.create(hostname="web", mac_address=B)
    worker.work()
    assert UnknownDevice.objects.get().state == "done"
    server.delete()
    saw("10.0.0.200", B)
    worker.work()
    assert UnknownDevice.objects.get().state == "new"


def test_ignored_devices_stay_ignored(office):
    act(one().pk, "ignore", "the lab's")
    saw("10.0.0.101", B)
    assert found() == []
    act(UnknownDevice.objects.get().pk, "undo")
    assert UnknownDevice.objects.get().state == "new"


@pytest.mark.parametrize(
    ("ip", "servers"), [("10.0.0.12", 0), ("10.0.0.100", 1), ("10.0.0.200", 0)]
)
def test_reserving_gives_it_its_address_for_good(office, ip, servers):
    row = one(ip, hostname="printer")
    act(row.pk, "reserve")
    given = IPAddress.objects.get(mac_address=B)
    assert (str(given.ip_address), given.status, given.hostname) == (ip, "allocated", "printer")
    assert Server.objects.count() == servers  # in a DHCP pool, only a server keeps its address
    assert found() == []
    act(row.pk, "undo")
    assert not IPAddress.objects.filter(mac_address=B).exists()
    assert UnknownDevice.objects.get().state == "new"


def test_adopting_makes_a_server_of_it(office):
    row = one(hostname="not a name!")
    act(row.pk, "adopt")
    server = Server.objects.get()
    assert (server.hostname, server.mac_address, str(server.ip_address)) == (
        "device-02000000000b",
        B,
        "10.0.0.100",
    )
    server.mac_address = A
    server.save()
    refused = with_token("admin").post(f"/api/v1/unknown-devices/{row.pk}/undo/")
    assert refused.status_code == 409  # it was changed since
    server.mac_address = B
    server.save()
    act(row.pk, "undo")
    assert not Server.objects.exists()


def test_quarantine_takes_the_address_away(office):
    row = one("10.0.0.12")
    act(row.pk, "quarantine")
    assert IPAddress.objects.get(ip_address="10.0.0.12").status == "quarantine"
    saw("10.0.0.12", B)
    assert found() == []
    act(row.pk, "undo")
    assert IPAddress.objects.get(ip_address="10.0.0.12").status == "available"


def test_the_ledgers_rules_refuse_what_they_always_refuse(office):
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.0.0.12")
    row = one("10.0.0.12")
    for name in ("reserve", "adopt", "quarantine"):
        answer = with_token("admin").post(f"/api/v1/unknown-devices/{row.pk}/{name}/")
        assert answer.status_code == 409, name
        assert "web" in answer.json()["detail"]
    assert UnknownDevice.objects.get().state == "new"


def test_many_at_once_or_none(office):
    saw("10.0.0.100", A)
    saw("10.0.0.101", B)
    ids = [row.pk for row in found()]
    api = with_token("addresses")
    url = "/api/v1/unknown-devices/bulk-action/"
    assert api.post(url, {"ids": [*ids, 999_999], "action": "adopt"}).status_code == 404
    assert not Server.objects.exists()
    assert api.post(url, {"ids": ids, "action": "adopt"}).json()["count"] == 2
    assert Server.objects.count() == 2
    assert api.post(url, {"ids": ids, "action": "undo"}).status_code == 200
    assert not Server.objects.exists()


def test_each_action_has_its_right(office):
    row = one()
    clerk = staff("discovery.change_unknowndevice", "discovery.view_unknowndevice")
    api = with_token("addresses", user=clerk)
    for name in ("adopt", "reserve", "quarantine"):
        assert api.post(f"/api/v1/unknown-devices/{row.pk}/{name}/").status_code == 403
    assert api.post(f"/api/v1/unknown-devices/{row.pk}/ignore/", {"note": "x"}).status_code == 200


def test_the_history_says_who(office, admin_client):
    row = one()
    url = f"/admin/discovery/unknowndevice/{row.pk}/act/ignore/"
    assert admin_client.post(url).status_code == 302
    record = UnknownDevice.history.first()
    assert (record.state, record.history_user.username) == ("ignored", "admin")


def test_the_list_of_the_admin_costs_the_same_for_many(
    office, admin_client, django_assert_max_num_queries
):
    for last in range(40):
        saw(f"10.0.0.{100 + last}", f"02:00:00:00:01:{last:02x}")
    found()
    with django_assert_max_num_queries(14):
        page = admin_client.get("/admin/discovery/unknowndevice/").content.decode()
    assert page.count(">Adopt<") == 40


def test_a_flood_of_made_up_addresses_is_bounded(office, monkeypatch):
    monkeypatch.setattr(derive, "MOST", 20)
    now = timezone.now()
    Sighting.objects.bulk_create(
        Sighting(
            ip_address="10.0.0.200",
            mac_address=f"02:00:00:00:02:{last:02x}",
            source="arp",
            seen_at=now - timedelta(seconds=last),
        )
        for last in range(30)
    )
    assert len(found()) == 20
