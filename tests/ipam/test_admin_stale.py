"""Two people in one form: neither overwrites the other without knowing."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.history import origin
from ipam.models import VRF, Server, Subnet
from tests.ipam.admin_forms import errors_of, filled
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return browser("anna")


@pytest.fixture
def bert():
    return browser("bert")


def browser(name):
    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return client


def page(row):
    return reverse(f"admin:ipam_{row._meta.model_name}_change", args=[row.pk])


def refusal(answer):
    assert answer.status_code == 200, "saved"
    return " ".join(errors_of(answer)["__all__"])


@pytest.mark.parametrize(
    ("factory", "field"),
    [(SubnetFactory, "site"), (ServerFactory, "location"), (VRFFactory, "description")],
)
def test_the_second_of_two_is_told_who_changed_what_and_keeps_what_was_typed(
    anna, bert, factory, field
):
    row = factory()
    opened = {"anna": filled(anna.get(page(row))), "bert": filled(bert.get(page(row)))}
    assert anna.post(page(row), opened["anna"] | {field: "Berlin"}).status_code == 302

    answer = bert.post(page(row), opened["bert"] | {field: "Hamburg"})

    assert "anna changed this" in refusal(answer)
    assert "Berlin" in refusal(answer)
    assert filled(answer)[field] == "Hamburg"
    row.refresh_from_db()
    assert getattr(row, field) == "Berlin"


def test_who_has_been_told_may_save_again(anna, bert):
    row = SubnetFactory()
    opened = filled(bert.get(page(row)))
    anna.post(page(row), filled(anna.get(page(row)), site="Berlin"))
    told = bert.post(page(row), opened | {"site": "Hamburg"})

    assert bert.post(page(row), filled(told)).status_code == 302
    assert Subnet.objects.get().site == "Hamburg"


def test_what_changed_below_the_row_counts_too(anna, bert):
    card = InterfaceFactory(name="eth1")
    row = card.server
    opened = filled(bert.get(page(row)))
    anna.post(page(row), filled(anna.get(page(row)), **{"interfaces-0-name": "eth9"}))

    answer = bert.post(page(row), opened | {"location": "Hamburg"})

    assert "eth9" in refusal(answer)
    assert Server.objects.get().location == ""


def test_what_a_program_has_changed_is_told_with_its_name(bert):
    row = VRFFactory(description="old")
    opened = filled(bert.get(page(row)))
    row.description = "new"
    row.save()

    program = origin.current().actor
    assert f"{program} changed this since you opened it (Description: old → new)" in refusal(
        bert.post(page(row), opened)
    )


def test_a_row_that_was_written_as_it_was_is_not_stale(bert):
    row = VRFFactory(description="old")
    opened = filled(bert.get(page(row)))
    row.save()

    assert bert.post(page(row), opened | {"description": "new"}).status_code == 302
    assert VRF.objects.get().description == "new"


@pytest.mark.parametrize("seen", ["", "x", "-1", "1.", "9" * 30, "1.2.3"])
def test_what_no_browser_sends_is_no_error(bert, seen):
    row = VRFFactory()
    answer = bert.post(page(row), filled(bert.get(page(row)), _seen=seen))
    assert answer.status_code in (200, 302)
