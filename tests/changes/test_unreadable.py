"""Lines that raw SQL has written with values that no field can read are shown all the same."""

import json

import pytest
from django.urls import reverse

from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import with_token
from tests.support.by_hand import by_hand

pytestmark = [pytest.mark.django_db, pytest.mark.on("sqlite")]
TEXT = "(cannot be read)"


@pytest.fixture
def broken():
    """A subnet whose DNS servers are no list, before and after a good one."""
    subnet = SubnetFactory(network="10.0.0.0/24")
    by_hand("UPDATE subnets SET dns_servers = 'garbage' WHERE id = %s", [subnet.pk])
    by_hand("UPDATE subnets SET dns_servers = '[]', name = 'good' WHERE id = %s", [subnet.pk])
    return subnet


def test_the_page_shows_the_line_and_the_others(broken, admin_client):
    ServerFactory(hostname="web")
    page = admin_client.get("/admin/changes/").content.decode()
    assert TEXT in page and "web" in page and "good" in page
    assert admin_client.get(reverse("admin:index")).status_code == 200


def test_its_own_page_and_that_of_the_next_line_open(broken, admin_client):
    for line in type(broken).history.filter(id=broken.pk).values_list("history_id", flat=True):
        assert admin_client.get(f"/admin/changes/line/ipam.subnet:{line}/").status_code == 200


def test_api_and_export_tell_it(broken):
    api = with_token("admin")
    found = api.get("/api/v1/changes/?table=ipam.subnet").json()["results"]
    assert TEXT in [line["after"]["dns_servers"] for line in found]
    exported = api.get("/api/v1/changes/export/?as=jsonl&table=ipam.subnet")
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert TEXT in [json.loads(line)["after"]["dns_servers"] for line in lines]


def test_text_that_is_none_is_shown(admin_client):
    server = ServerFactory(hostname="web")
    by_hand("UPDATE hosts SET description = CAST(x'ff00ff' AS TEXT) WHERE id = %s", [server.pk])
    assert TEXT in admin_client.get("/admin/changes/").content.decode()
