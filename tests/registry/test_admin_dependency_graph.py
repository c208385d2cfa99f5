"""The services' screens: who needs whom, how they fare, and files for other programs."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ipmanager.operators import NAME
from tests.registry.factories import ServiceFactory

pytestmark = pytest.mark.django_db
PAGE, LIST = reverse("admin:registry_picture"), reverse("admin:registry_service_changelist")


def shop():
    ServiceFactory(service_id="db", status="inactive")
    ServiceFactory(service_id="shop", dependencies=["db", "ghost"])
    ServiceFactory(service_id="lonely")


def text(client, url=PAGE, **query):
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_draws_who_needs_whom_and_says_it_in_words(admin_client):
    shop()
    page = text(admin_client)
    assert "<svg" in page and 'aria-label="shop: active; ' in page
    assert "▲ inactive" in page and "○ ghost" in page
    assert "1 more service needs nobody" in page


def test_the_page_shows_what_is_around_one_service(admin_client):
    shop()
    assert 'aria-label="shop' not in text(admin_client, service="lonely")
    assert "There is no service ghost" in text(admin_client, service="ghost")


def test_a_circle_is_named(admin_client):
    ServiceFactory(service_id="a", dependencies=["b"])
    ServiceFactory(service_id="b", dependencies=["a"])
    assert "a, b" in text(admin_client)


@pytest.mark.parametrize("service", ["", "lonely"])
def test_who_has_nothing_to_show_is_told_what_to_do(admin_client, service):
    assert "Services register themselves" in text(admin_client, service=service)
    ServiceFactory(service_id="lonely")
    assert "No service here needs another one" in text(admin_client)


def test_a_crowd_is_not_drawn_but_one_of_it_is(admin_client):
    ServiceFactory(service_id="hub")
    for number in range(150):
        ServiceFactory(service_id=f"s{number}", dependencies=["hub"])
    assert "Choose one of them" in text(admin_client)
    assert "<svg" in text(admin_client, service="s7", environment="development")


def test_names_of_services_are_text(admin_client):
    ServiceFactory(service_id="a", name="<script>x</script>", dependencies=["b"])
    assert "<script>x" not in text(admin_client) + text(admin_client, LIST)
    assert "<script>x" not in text(
        admin_client, service="<script>x</script>", environment="<script>x"
    )


def test_the_list_tells_health_in_words_and_leads_to_the_picture(admin_client):
    shop()
    page = text(admin_client, LIST)
    assert "▲ inactive" in page and "● active" in page
    assert f"{PAGE}?environment=development&amp;service=shop" in page


def test_the_pages_cost_the_same_queries_for_many_services(admin_client):
    shop()
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as seen:
            text(admin_client), text(admin_client, LIST)
        counts.append(len(seen))
        ServiceFactory.create_batch(20, dependencies=["db", "shop"])
    assert counts[0] == counts[1]


def test_every_export_of_the_page_can_be_fetched(admin_client):
    shop()
    for url, _title in admin_client.get(PAGE).context["exports"]:
        assert admin_client.get(url).status_code == 200


def test_operators_may_look_and_others_may_not(client, django_user_model):
    user = django_user_model.objects.create_user("op", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.groups.add(Group.objects.get(name=NAME))
    assert text(client)
