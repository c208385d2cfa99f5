"""Who guesses passwords is stopped; nobody else is."""

import os
import re

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client

from tests.proof import LONG_FORM

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
HERE, THERE = "192.0.2.1", "192.0.2.2"
GUESSES = 1000 if os.environ.get(LONG_FORM) else 60


@pytest.fixture
def site():
    """A web process."""
    for name in ("ada", "bob"):
        User.objects.create_user(name, password="right", is_staff=True)
    return Client()


def login(site, name, password="wrong", address=HERE, **headers):
    site.cookies.clear()
    return site.post(
        LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers
    )


def test_ten_wrong_passwords_lock_the_account_for_that_address_only(site):
    assert {login(site, "ada").status_code for _ in range(9)} == {200}
    login(site, "ada")
    page = login(site, "ada", "right")
    assert (page.status_code, page["Retry-After"]) == (429, "900")
    assert re.search("ada cannot log in from 192.0.2.1 until 15 minutes", page.content.decode())
    assert login(site, "ada", "right", THERE).status_code == 302
    assert login(site, "bob", "right").status_code == 302


def test_a_thousand_guesses_lock_nobody_else_out_and_are_not_looked_at(site):
    for number in range(GUESSES):
        login(site, "ada", f"guess {number}")
    assert AccessAttempt.objects.get().failures_since_start == 10
    assert login(site, "bob", "right").status_code == 302
    assert login(site, "bob", "right", THERE).status_code == 302


def test_forged_addresses_open_no_lock(site):
    for number in range(11):
        page = login(
            site,
            "ada",
            **{"x-forwarded-for": f"198.51.100.{number}", "x-real-ip": f"198.51.100.{number}"},
        )
    assert page.status_code == 429


def test_an_address_that_tries_many_names_has_to_slow_down_but_who_was_there_before_has_not(site):
    assert login(site, "bob", "right").status_code == 302
    answers = [login(site, f"name-{number}").status_code for number in range(60)]
    assert answers == [200] * 50 + [429] * 10
    assert "too many wrong passwords from 192.0.2.1" in login(site, "ada", "right").content.decode()
    assert login(site, "bob", "right").status_code == 302
    assert login(site, "ada", "right", THERE).status_code == 302


def test_going_on_with_guessing_does_not_prolong_the_lock(site):
    for _ in range(10):
        login(site, "ada")
    since = AccessAttempt.objects.get().attempt_time
    for _ in range(5):
        assert login(site, "ada").status_code == 429
    assert AccessAttempt.objects.get().attempt_time == since


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "\ud800", "ＡＤＡ"])
def test_no_name_is_too_strange(site, name):
    for _ in range(3):
        sent = f"username={name}&password=x".encode(errors="surrogatepass")
        page = site.generic(
            "POST", LOGIN, sent, "application/x-www-form-urlencoded", REMOTE_ADDR=HERE
        )
        assert page.status_code in (200, 400)
