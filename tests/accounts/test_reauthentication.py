"""An open browser does not suffice to make users and tokens or to change rights."""

import re

import pytest
from django.contrib.auth.models import Group, User

from accounts.models import LoginBrake, Session
from api.models import Token
from tests.accounts.people import (
    age_confirmation,
    browser,
    fresh_code,
    person,
    send_password,
    set_up,
)

pytestmark = pytest.mark.django_db
ASKS = "Confirm that it is you"
TOKEN = {"name": "t", "scopes": ["read", "allocate"], "days": "30"}


@pytest.fixture
def boss():
    return person("boss", is_superuser=True)


@pytest.fixture
def stale(boss):
    """A browser in which the password was shown an hour ago."""
    client = browser()
    send_password(client, "boss")
    age_confirmation(client)
    return client


def asks(response):
    return ASKS in response.content.decode()


def forms_fields(page):
    """What the browser would send, from the page that asks."""
    found = re.findall(r'name="([^"]+)" value="([^"]*)"', page.content.decode())
    fields = {}
    for name, value in found:
        fields.setdefault(name, []).append(value)
    return fields


def test_it_is_asked_for_before_each_change_of_access(stale, boss):
    group, ada = Group.objects.create(name="g"), person("ada")
    changes = {
        "/admin/auth/user/add/": {"username": "eve", "usable_password": "false"},
        f"/admin/auth/user/{ada.pk}/change/": {"username": "ada", "is_superuser": "on"},
        f"/admin/auth/user/{ada.pk}/password/": {"password1": "x"},
        f"/admin/auth/user/{ada.pk}/delete/": {"post": "yes"},
        "/admin/auth/user/": {"action": "delete_selected", "_selected_action": [ada.pk]},
        "/admin/auth/group/add/": {"name": "new"},
        f"/admin/auth/group/{group.pk}/change/": {"name": "changed"},
        f"/admin/auth/group/{group.pk}/delete/": {"post": "yes"},
        "/admin/ipmanager/token/add/": TOKEN | {"user": boss.pk},
    }
    for url, sent in changes.items():
        assert asks(stale.post(url, sent)), url
    ada.refresh_from_db()
    assert not ada.is_superuser and ada.check_password("right")
    assert list(Group.objects.exclude(name="Operators").values_list("name", flat=True)) == ["g"]
    assert (User.objects.count(), Token.objects.count()) == (2, 0)


def test_looking_needs_none(stale, boss):
    for url in ("/admin/auth/user/", f"/admin/auth/user/{boss.pk}/change/", "/admin/auth/group/"):
        assert not asks(stale.get(url))


def test_nothing_that_was_typed_is_lost(stale, boss):
    sent = TOKEN | {"user": boss.pk, "name": 'a "b" <c>', "networks": "10.0.0.0/8\n192.0.2.0/24"}
    page = stale.post("/admin/ipmanager/token/add/", sent)
    import html

    again = {
        name: [html.unescape(value) for value in values]
        for name, values in forms_fields(page).items()
    }
    assert "sessionid" not in again
    done = stale.post("/admin/ipmanager/token/add/", again | {"confirm-password": "right"})
    token = Token.objects.get()
    assert (token.name, token.scopes) == ('a "b" <c>', ["read", "allocate"])
    assert token.networks == ["10.0.0.0/8", "192.0.2.0/24"]
    assert "ipm_" in done.content.decode()


def test_a_new_form_asks_before_it_is_filled_in(stale):
    page = stale.get("/admin/auth/user/add/?x=1")
    assert asks(page)
    again = {"confirm-asked": "GET", "confirm-password": "right"}
    assert stale.post("/admin/auth/user/add/?x=1", again).url == "/admin/auth/user/add/?x=1"
    assert not asks(stale.get("/admin/auth/user/add/"))


def test_no_password_is_written_into_the_page(stale):
    sent = {"username": "eve", "password1": "very secret", "password2": "very secret"}
    page = stale.post("/admin/auth/user/add/", sent)
    assert "very secret" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(
    "answer", [{}, {"confirm-password": ""}, {"confirm-password": "wrong"}, {"confirm-code": "1"}]
)
def test_a_wrong_answer_changes_nothing(stale, answer):
    page = stale.post("/admin/auth/group/add/", {"name": "n", "confirm-asked": "POST"} | answer)
    assert asks(page)
    assert "is wrong" in page.content.decode()
    assert not Group.objects.filter(name="n").exists()


def test_a_code_of_the_authenticator_does_as_well_and_a_group_is_not_changed_by_guessing(boss):
    client = browser()
    send_password(client, "boss")
    set_up(client)
    age_confirmation(client)
    sent = {"name": "n", "confirm-asked": "POST"}
    for _ in range(12):
        client.post("/admin/auth/group/add/", sent | {"confirm-password": "guess"})
    assert LoginBrake.objects.get(kind="password").failures == 11
    page = client.post("/admin/auth/group/add/", sent | {"confirm-password": "right"})
    assert "Too many wrong attempts" in page.content.decode()
    client.post("/admin/auth/group/add/", sent | {"confirm-code": fresh_code(boss)})
    assert Group.objects.filter(name="n").exists()


def test_it_is_asked_again_after_the_time_of_the_setting(stale, settings):
    settings.REAUTHENTICATE = 120
    assert not asks(stale.get("/admin/auth/user/add/"))
    settings.REAUTHENTICATE = 0
    age_confirmation(stale, 10**6)
    assert not asks(stale.get("/admin/auth/user/add/"))


def test_a_clock_that_went_back_confirms_nothing(stale):
    age_confirmation(stale, -3600)
    assert asks(stale.get("/admin/auth/user/add/"))


def test_a_session_from_nowhere_is_not_confirmed(stale):
    session = stale.session
    del session["confirmed_at"]
    session.save()
    assert asks(stale.get("/admin/auth/user/add/"))
    assert Session.objects.count() == 1
