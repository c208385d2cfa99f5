"""What a person sees when something goes wrong."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.api import staff

pytestmark = pytest.mark.django_db


def test_an_error_of_ours_has_a_page(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a bug")

    client = Client(raise_request_exception=False)
    client.force_login(staff("ipam.view_ipaddress"))
    monkeypatch.setattr("ipam.pages.listing.AddressFilter", broken)
    response = client.get(reverse("ipam:addresses"))
    assert response.status_code == 500
    assert "Something broke here" in response.content.decode()
    assert "a bug" not in response.content.decode()


def test_an_old_page_says_what_to_do():
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("admin:login"), {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "Go back, load the page again" in response.content.decode()


def test_a_page_that_is_not_there_leads_home(client):
    response = client.get("/nothing")
    assert (response.status_code, 'href="/"' in response.content.decode()) == (404, True)
