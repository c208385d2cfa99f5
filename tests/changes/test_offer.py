"""The message about an action in the admin leads to the undo of that action."""

import re

import pytest
from django.urls import reverse

from ipam.models import VRF
from tests.ipam.factories import VRFFactory

pytestmark = pytest.mark.django_db
LINK = re.compile(r'href="(/admin/changes/[^"]+/undo/)"')


def offered(response):
    """The pages of undo that the messages of the next page lead to."""
    assert response.status_code == 200
    return [url for text in map(str, response.context["messages"]) for url in LINK.findall(text)]


def undo(client, url):
    digest = client.get(url).context["plan"].digest
    return client.post(url, {"digest": digest}, follow=True)


def test_a_form_that_was_saved_can_be_undone(admin_client):
    (url,) = offered(
        admin_client.post(reverse("admin:ipam_vrf_add"), {"name": "blue"}, follow=True)
    )
    undo(admin_client, url)
    assert not VRF.objects.exists()


def test_an_action_on_several_rows_can_be_undone_as_a_whole(admin_client):
    rows = [VRFFactory(name=name) for name in ("red", "green", "blue")]
    action = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    url = reverse("admin:ipam_vrf_changelist")
    (link,) = offered(admin_client.post(url, action | {"post": "yes"}, follow=True))
    assert not VRF.objects.exists()
    undo(admin_client, link)
    assert set(VRF.objects.values_list("name", flat=True)) == {"red", "green", "blue"}


def test_an_undo_offers_its_own_undo_alone(admin_client):
    made = admin_client.post(reverse("admin:ipam_vrf_add"), {"name": "blue"}, follow=True)
    (link,) = offered(undo(admin_client, offered(made)[0]))
    undo(admin_client, link)
    assert VRF.objects.get().name == "blue"


def test_what_changed_nothing_offers_nothing(admin_client):
    row = VRFFactory(name="blue")
    url = reverse("admin:ipam_vrf_change", args=[row.pk])
    assert offered(admin_client.post(url, {"name": "blue"}, follow=True)) == []
    refused = admin_client.post(reverse("admin:ipam_vrf_add"), {"name": "blue"})
    assert refused.status_code == 200 and LINK.search(refused.content.decode()) is None


def test_a_name_in_a_message_stays_text(admin_client):
    made = admin_client.post(reverse("admin:ipam_vrf_add"), {"name": "<b>bold</b>"}, follow=True)
    assert len(offered(made)) == 1
    assert "<b>bold" not in made.content.decode()


def test_people_and_rights_are_not_offered(admin_client):
    form = {"name": "operators of the night"}
    assert offered(admin_client.post(reverse("admin:auth_group_add"), form, follow=True)) == []
