"""Pages of the past: read-only lists and rows of the admin, at a moment."""

import pytest
from django.urls import reverse
from django.utils import timezone

from changes.past import shown
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.api import staff, with_session

pytestmark = pytest.mark.django_db


def now():
    return timezone.now().isoformat()


@pytest.fixture
def browser(admin_client):
    return admin_client


def page(browser, url, status=200):
    response = browser.get(url)
    assert response.status_code == status, response.content
    return response.content.decode()


def test_a_list_shows_the_rows_of_then_and_links_that_stay_there(browser):
    subnet = SubnetFactory(network="10.1.0.0/24", name="old")
    then = now()
    subnet.name = "new"
    subnet.save()
    text = page(browser, shown.url(type(subnet), then))
    assert "old" in text
    assert ">new<" not in text
    assert shown.url(type(subnet), then, subnet.pk).replace("&", "&amp;") in text
    assert "back to now" in text
    assert "<script>" not in text


def test_a_row_shows_its_parts_and_no_way_to_change_it(browser):
    server = ServerFactory(hostname="web-1", ip_address="10.1.0.5")
    InterfaceFactory(server=server, name="bmc", ip_address="10.1.0.6")
    then, key = now(), server.pk
    server.delete()
    text = page(browser, shown.url(type(server), then, key))
    assert "web-1" in text
    assert "bmc" in text
    assert 'method="post"' not in text.split('id="content"')[-1]


def test_a_row_that_did_not_exist_says_so(browser):
    then = now()
    server = ServerFactory()
    text = page(browser, shown.url(type(server), then, server.pk), 404)
    assert "It did not exist at that time." in text


@pytest.mark.parametrize("name", ["subnet", "ipaddress", "server", "vrf"])
def test_each_list_and_row_has_a_picker(browser, name):
    PoolFactory(subnet=SubnetFactory(network="10.1.0.0/24"), first="10.1.0.5", last="10.1.0.6")
    ServerFactory(ip_address="10.1.0.5")
    model = shown.find("ipam", name)
    text = page(browser, reverse(f"admin:ipam_{name}_changelist"))
    assert f'action="{reverse("past:list", args=["ipam", name])}"' in text
    if row := model.objects.first():
        text = page(browser, reverse(f"admin:ipam_{name}_change", args=[row.pk]))
        assert f'href="{reverse("past:row", args=["ipam", name, row.pk])}"' in text
        assert "past-picker" not in text  # no form within the form of the row


def test_a_time_of_the_picker_is_one_of_the_site(browser):
    SubnetFactory(network="10.1.0.0/24")
    later = timezone.localtime().strftime("%Y-%m-%dT%H:%M:%S.%f")
    url = reverse("past:list", args=["ipam", "subnet"])
    assert "10.1.0.0/24" in page(browser, f"{url}?as_of={later}")
    assert page(browser, f"{url}?as_of=2999-01-01", 302) == ""


def test_every_page_needs_the_right_to_see_the_present():
    client = with_session(staff("ipam.view_subnet"))
    for model in shown.models():
        expected = 200 if model._meta.model_name == "subnet" else 403
        assert client.get(shown.url(model, now())).status_code == expected, model
    assert client.get(reverse("past:who_had")).status_code == 403
    assert client.get(reverse("past:list", args=["auth", "user"])).status_code == 404


def test_who_had_has_a_page(browser):
    SubnetFactory(network="10.1.0.0/24")
    ServerFactory(hostname="web-1", ip_address="10.1.0.5")
    url = reverse("past:who_had")
    assert "belonged to server “web-1”" in page(browser, f"{url}?ip=10.1.0.5&at=now")
    assert "server “web-1”" in page(browser, f"{url}?ip=10.1.0.5")
    assert "ip:" in page(browser, f"{url}?ip=nonsense")
