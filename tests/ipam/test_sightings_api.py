"""Probers outside report which addresses answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ipam.models import IPAddress, Sighting
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
PATH = "/api/v1/sightings/"
MAC = "02:00:00:00:00:01"


@pytest.fixture
def prober():
    return with_token("sightings")


def ago(seconds):
    return (timezone.now() - timedelta(seconds=seconds)).isoformat()


def errors(response):
    assert response.status_code == 400, response.json()
    return response.json()["errors"]


def test_reports_become_sightings_and_change_nothing_else(prober):
    server = ServerFactory(ip_address="10.0.0.5", mac_address=MAC)
    before = list(server.history.values()), list(IPAddress.objects.values())

    sent = [
        {"ip_address": "10.0.0.5", "mac_address": "0200.0000.0099", "seen_at": ago(5)},
        {"ip_address": "2001:db8::5", "hostname": "six"},
    ]
    answer = prober.post(PATH, sent)

    assert (answer.status_code, answer.json()) == (201, {"count": 2})
    rows = Sighting.objects.order_by("pk").values_list("source", "origin", "mac_address")
    assert list(rows) == [("report", "test", None), ("report", "test", "02:00:00:00:00:99")]
    assert (list(server.history.values()), list(IPAddress.objects.values())) == before


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"ip_address": "10.0.0.5", "mac": MAC}, "mac"),
        ({"mac_address": MAC}, "ip_address"),
        ({"ip_address": "10.0.0.500"}, "ip_address"),
        ({"ip_address": "10.0.0.5", "mac_address": "ff:ff:ff:ff:ff:ff"}, "mac_address"),
        ({"ip_address": "10.0.0.5", "seen_at": ago(-3600)}, "seen_at"),
        ({"ip_address": "10.0.0.5", "seen_at": ago(2 * 24 * 3600)}, "seen_at"),
        ({"ip_address": "10.0.0.5", "source": "lease"}, "source"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(prober, row, field):
    found = errors(prober.post(PATH, [{"ip_address": "10.0.0.4"}, row]))

    assert list(found) == [f"1.{field}"]
    assert not Sighting.objects.exists()


def test_the_number_of_reports_is_bounded_and_they_cost_no_query_each(prober):
    rows = [{"ip_address": f"10.0.{n >> 8}.{n & 255}"} for n in range(1001)]
    prober.post(PATH, rows[:1])

    errors(prober.post(PATH, rows))
    errors(prober.post(PATH, []))
    errors(prober.post(PATH, {"ip_address": "10.0.0.1"}))
    few = queries_in(lambda: prober.post(PATH, rows[:2]))
    assert queries_in(lambda: prober.post(PATH, rows[:1000])) == few


def test_a_confined_prober_reports_from_its_own_subnets_only():
    confined = with_token("sightings", subnets=["10.0.0.0/24"])
    vrf = VRFFactory()

    assert confined.post(PATH, [{"ip_address": "10.0.0.5"}]).status_code == 201
    elsewhere = confined.post(PATH, [{"ip_address": "10.0.0.6"}, {"ip_address": "10.0.1.5"}])
    assert elsewhere.status_code == 403
    errors(confined.post(PATH, [{"ip_address": "10.0.0.5", "vrf": vrf.pk}]))
    assert Sighting.objects.count() == 1


@pytest.mark.parametrize("scope", ["read", "addresses", "allocate"])
def test_other_scopes_report_nothing(scope):
    assert with_token(scope).post(PATH, [{"ip_address": "10.0.0.5"}]).status_code == 403


def test_a_reported_address_is_not_handed_out(prober):
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.5-10.0.0.9"])
    prober.post(PATH, [{"ip_address": "10.0.0.5"}])

    given = with_token("allocate").post(f"/api/v1/subnets/{subnet.pk}/next-free/").json()
    assert given["ip_address"] == "10.0.0.6"
