"""Who may not see a row sees it in no past: over all resources of the URL map."""

import re
from typing import Any

import pytest
from django.utils import timezone

from ipmanager.api_urls import router
from tests.api.test_confined_tokens import furnished
from tests.support.api import staff, with_session, with_token
from tests.support.everything import one_of_each

pytestmark = pytest.mark.django_db
API = "/api/v1"
RESOURCES: dict[str, Any] = {name: view for name, view, _basename in router.registry}
WITH_PAST = [name for name, view in RESOURCES.items() if view().has_past()]


def past(client, path):
    return client.get(f"{API}/{path}/", {"as_of": timezone.now().isoformat()})


def test_the_ledger_its_leases_and_boot_have_a_past():
    expected = {"vrfs", "subnets", "pools", "ip-addresses", "servers", "interfaces"}
    expected |= {"dhcp/leases", "dhcp/lease-intervals", "boot-images", "boot-assignments"}
    assert expected <= set(WITH_PAST)


@pytest.fixture
def world(settings, tmp_path):
    """One of everything in 10.0.0.0/24 and in 10.1.0.0/24."""
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    one_of_each(0)
    one_of_each(1)


def test_the_past_of_everything_can_be_read_by_whoever_reads_its_present(world):
    confined, everybody = with_token("admin", subnets=["10.1.0.0/16"]), with_token("admin")
    for name in WITH_PAST:
        assert past(everybody, name).json()["results"], name
        then = past(confined, name)
        assert then.status_code == confined.get(f"{API}/{name}/").status_code, name
        assert not {"10.0.0.", "02:00:00:00:00:0"} & set(_parts(then.content.decode())), name


def _parts(text):
    """The beginnings of the addresses in a text, of IPv4 and MAC."""
    return re.findall(r"10\.\d\.\d\.|(?:\w\w:){5}\w", text)


def test_a_user_with_one_right_sees_the_past_of_one_table(world):
    for name in WITH_PAST:
        meta = RESOURCES[name].queryset.model._meta
        client = with_session(staff(f"{meta.app_label}.view_{meta.model_name}"))
        answers = {other: past(client, other).status_code for other in WITH_PAST}
        allowed = {other for other, status in answers.items() if status == 200}
        assert allowed == {name}, name


def test_a_user_without_rights_sees_no_past():
    client = with_session(staff())
    answers = {name: past(client, name).status_code for name in RESOURCES}
    assert set(answers.values()) == {403}, answers
    assert client.get(f"{API}/who-had/", {"ip": "10.2.0.5", "at": "now"}).status_code == 403


def test_a_resource_without_history_refuses_the_question():
    client = with_token("admin")
    others = RESOURCES.keys() - set(WITH_PAST)
    answers = {name: past(client, name).status_code for name in others}
    assert set(answers.values()) == {400}, answers


def test_a_confined_token_sees_no_past_row_from_elsewhere():
    there = furnished("10.2.0.0/24", "10.2.0.")
    confined, everybody = with_token("admin", subnets=["10.1.0.0/16"]), with_token("admin")
    for name, row in there.items():
        if name in WITH_PAST:
            assert past(everybody, f"{name}/{row.pk}").status_code == 200, name
            assert past(confined, f"{name}/{row.pk}").status_code == 404, name
            assert past(confined, name).json()["results"] == [], name
    response = confined.get(f"{API}/who-had/", {"ip": "10.2.0.5", "at": "now"})
    assert response.status_code == 403
