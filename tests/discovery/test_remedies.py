"""What can be done about a conflict, by API and admin: it goes through the ledger's verbs, ends the
conflict at once, needs its rights and is in the history."""

import pytest
from django.utils import timezone

from discovery import squatters
from discovery.conflicts import derive
from discovery.conflicts.models import Conflict
from ipam.models import Interface, IPAddress, Server, Subnet
from tests.discovery.sightings import A, B, saw
from tests.support.api import staff, with_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def web():
    subnet = Subnet(network="10.0.0.0/24", gateway="10.0.0.1")
    subnet.static_ip_pools = ["10.0.0.10-10.0.0.19"]
    subnet.save()
    return Server.objects.create(hostname="web", mac_address=A, ip_address="10.0.0.10")


def conflict(*sightings):
    for ip, mac in sightings:
        saw(ip, mac, hostname="printer")
    derive.full_round(timezone.now())
    return Conflict.objects.open().get()


def resolve(row, remedy, note="", **caller):
    api = with_token("addresses", **caller)
    return api.post(f"/api/v1/conflicts/{row.pk}/resolve/", {"remedy": remedy, "note": note})


def test_a_new_card_of_the_machine_gets_into_the_ledger(web):
    answer = resolve(conflict(("10.0.0.10", B)), "correct-mac")
    assert (answer.status_code, answer.json()["state"]) == (200, "ended")
    web.refresh_from_db()
    assert web.mac_address == B


@pytest.mark.parametrize("remedy", ["adopt", "reserve", "quarantine"])
def test_a_squatter_is_adopted_reserved_or_shut_out(web, remedy):
    row = conflict(("10.0.0.12", B))
    shown = with_token("read").get(f"/api/v1/conflicts/{row.pk}/").json()
    assert shown["remedies"] == ["adopt", "reserve", "quarantine"]
    assert shown["ledger"] == {"pool": "10.0.0.10-10.0.0.19", "pool_kind": "static"}
    assert resolve(row, remedy).json()["state"] == "ended"
    address = IPAddress.objects.get(ip_address="10.0.0.12")
    expected = {
        "adopt": ("allocated", "printer"),
        "reserve": ("allocated", "printer"),
        "quarantine": ("quarantine", ""),
    }
    assert (address.status, address.hostname) == expected[remedy]


@pytest.mark.parametrize("remedy", ["adopt", "reserve", "quarantine"])
def test_a_squatter_that_went_into_quarantine_by_itself_is_still_one(web, remedy):
    saw("10.0.0.12", B)
    assert squatters.quarantine() == 1
    row = conflict(("10.0.0.12", B))
    assert row.kind == "squatter"
    answer = resolve(row, remedy)
    assert answer.json()["state"] == "ended", answer.json()
    address = IPAddress.objects.get(ip_address="10.0.0.12")
    assert address.status == ("quarantine" if remedy == "quarantine" else "allocated")


def test_a_further_address_of_a_server_becomes_its_interface(web):
    row = conflict(("10.0.0.10", A), ("10.0.0.12", A))
    assert with_token("read").get(f"/api/v1/conflicts/{row.pk}/").json()["remedies"] == [
        "add-interface",
        "quarantine",
    ]
    assert resolve(row, "add-interface", "backup").json()["state"] == "ended"
    assert Interface.objects.get().name == "backup"


def test_a_remedy_that_does_not_fit_is_refused(web):
    row = conflict(("10.0.0.10", B))
    assert resolve(row, "quarantine").status_code == 400
    assert resolve(row, "nonsense").status_code == 400


def test_muted_with_a_reason_and_back(web):
    row = conflict(("10.0.0.10", B))
    api = with_token("addresses")
    url = f"/api/v1/conflicts/{row.pk}"
    assert api.post(f"{url}/mute/", {}).status_code == 400
    body = api.post(f"{url}/mute/", {"reason": "test bench"}).json()
    assert (body["state"], body["reason"]) == ("muted", "test bench")
    assert Conflict.history.first().reason == "test bench"
    derive.full_round(timezone.now())
    assert Conflict.objects.get().state == "muted"
    assert api.post(f"{url}/unmute/").json()["state"] == "open"


def test_each_remedy_has_its_right(web):
    row = conflict(("10.0.0.12", B))
    clerk = staff("discovery.change_conflict", "discovery.view_conflict")
    assert resolve(row, "adopt", user=clerk).status_code == 403
    reader = staff("discovery.view_conflict")
    assert resolve(row, "adopt", user=reader).status_code == 403
    assert not Server.objects.filter(mac_address=B).exists()


def test_the_admin_shows_both_sides_and_does_a_remedy(web, admin_client):
    saw("10.0.0.10", A, ago=300)
    row = conflict(("10.0.0.10", B))
    page = admin_client.get(f"/admin/discovery/conflict/{row.pk}/change/").content.decode()
    for text in ("The ledger says", "web", A, B, "its own", "calls itself printer"):
        assert text in page
    url = f"/admin/discovery/conflict/{row.pk}/remedy/"
    admin_client.post(url, {"remedy": "mute", "note": ""})
    assert Conflict.objects.get().state == "open"
    admin_client.post(url, {"remedy": "correct-mac"})
    assert Conflict.objects.get().state == "ended"
    web.refresh_from_db()
    assert web.mac_address == B


def test_a_reader_sees_no_button_and_may_do_nothing(web, client):
    row = conflict(("10.0.0.12", B))
    client.force_login(staff("discovery.view_conflict"))
    page = client.get(f"/admin/discovery/conflict/{row.pk}/change/").content.decode()
    assert "Adopt as server" not in page
    url = f"/admin/discovery/conflict/{row.pk}/remedy/"
    assert client.post(url, {"remedy": "adopt"}).status_code == 403


def test_lists_cost_the_same_for_many(web, admin_client, django_assert_max_num_queries):
    for last in range(11, 20):
        saw(f"10.0.0.{last}", f"02:00:00:00:01:{last:02x}")
    derive.full_round(timezone.now())
    with django_assert_max_num_queries(14):
        page = admin_client.get("/admin/discovery/conflict/").content.decode()
    assert page.count("Given to nobody") == 9
    api = with_token("read")
    with django_assert_max_num_queries(8):
        first = api.get("/api/v1/conflicts/?state=open&within=10.0.0.0/8&page_size=5").json()
    assert len(first["results"]) == 5
    assert len(api.get(first["next"]).json()["results"]) == 4


def test_suspicions_are_shown_to_nobody(web, admin_client):
    saw("10.0.0.200", A)
    saw("10.0.0.200", B)
    derive.full_round(timezone.now())
    row = Conflict.objects.get()
    assert row.state == "suspected"
    assert with_token("read").get("/api/v1/conflicts/").json()["count"] == 0
    assert admin_client.get(f"/admin/discovery/conflict/{row.pk}/change/").status_code == 404
