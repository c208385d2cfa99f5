"""A server that is saved on an address which another machine uses: a warning, by API and admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ipam.models import Sighting
from tests.ipam import admin_forms
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SERVERS = "/api/v1/servers/"


@pytest.fixture
def api():
    SubnetFactory(network="10.0.0.0/24")
    return with_token("addresses")


def save(api, **more):
    asked = {"hostname": "web", "mac_address": A, "ip_address": "10.0.0.9", **more}
    return api.post(SERVERS, asked).json()


def saw(mac=B, source="arp", **more):
    return Sighting.objects.create(
        ip_address="10.0.0.9", mac_address=mac, source=source, **{"seen_at": timezone.now(), **more}
    )


def test_an_address_that_another_machine_has_leased(api):
    saw(source="lease", leased_until=timezone.now() + timedelta(hours=1))
    made = save(api)
    assert made["warnings"] == [f"10.0.0.9 is leased by another machine, {B}."]
    assert "warnings" not in api.patch(f"{SERVERS}{made['id']}/", {"mac_address": B}).json()


def test_an_address_at_which_another_machine_answers(api):
    saw()
    expected = f"10.0.0.9 is in use by another machine, {B} (ARP, 0\xa0minutes ago)."
    assert save(api)["warnings"] == [expected]


def test_no_warning_for_its_own_cards_old_sightings_or_another_address_space(api, settings):
    saw(mac=A)
    saw(mac=None, source="ping")
    saw(seen_at=timezone.now() - timedelta(seconds=settings.SKIP_ANSWERED + 1))
    saw(mac="02:00:00:00:00:0c", vrf=VRFFactory())
    assert "warnings" not in save(api)


def test_a_machine_in_one_call(api):
    saw()
    asked = {"hostname": "web", "mac_address": A, "ip_address": "10.0.0.9"}
    made = api.post("/api/v1/machines/", asked).json()
    assert made["warnings"][0].startswith("10.0.0.9 is in use by another machine")


def test_an_interface_and_many_at_once(api):
    saw()
    server = ServerFactory()
    nic = {"server": server.pk, "name": "eth1", "mac_address": A, "ip_address": "10.0.0.9"}
    assert api.post("/api/v1/interfaces/", nic).json()["warnings"][0].startswith("10.0.0.9 is in")
    rows = [{"hostname": "b", "mac_address": "02:00:00:00:00:0d", "ip_address": "10.0.0.10"}]
    Sighting.objects.update(ip_address="10.0.0.10")
    assert api.post(f"{SERVERS}bulk/", rows).json()["warnings"][0].startswith("10.0.0.10 is in")


def test_the_admin_says_so_too(api, admin_client):
    saw()
    typed = {"hostname": "web", "mac_address": A, "ip_address": "10.0.0.9"}
    page = admin_forms.save(admin_client, "/admin/ipam/server/add/", **typed)
    assert f"10.0.0.9 is in use by another machine, {B}" in page.content.decode()
