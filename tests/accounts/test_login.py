"""Who guesses passwords is stopped; nobody else is."""

import os
import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import health_checks
from accounts.login import brake, gate
from accounts.models import LoginBrake
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


def test_an_address_that_tries_many_names_has_to_slow_down_but_who_was_there_before_has_not(
    site, monkeypatch
):
    monkeypatch.setattr(gate, "RATE", 0.0001)  # however slow this machine is
    assert login(site, "bob", "right").status_code == 302
    answers = [login(site, f"name-{number}").status_code for number in range(60)]
    assert answers == [200] * 50 + [429] * 10
    assert "too many wrong passwords from 192.0.2.1" in login(site, "ada", "right").content.decode()
    assert login(site, "bob", "right").status_code == 302
    assert login(site, "ada", "right", THERE).status_code == 302


def guess_from_everywhere(site, name, times, start="198.51.100"):
    """One wrong password from each of so many addresses; the answers' statuses."""
    return [login(site, name, f"g{n}", f"{start}.{n}").status_code for n in range(1, times + 1)]


def pass_time(seconds):
    """As if the last attempts had been so much earlier."""
    for row in LoginBrake.objects.all():
        row.blocked_until -= timedelta(seconds=seconds)
        row.save()


def test_an_account_guessed_at_from_many_addresses_is_delayed_ever_longer(site, caplog):
    assert guess_from_everywhere(site, "ada", 12) == [200] * 11 + [429]
    waits = []
    for number in range(12):
        page = login(site, "ada", "no", f"203.0.113.{number}")
        waits.append(int(page["Retry-After"]))
        pass_time(waits[-1])
        assert login(site, "ada", "no", f"203.0.113.{number}").status_code == 200
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert login(site, "bob", "right", "203.0.113.99").status_code == 302
    assert "guessing the password of the account 'ada': 23 wrong in a row" in caplog.text


def test_who_has_logged_in_from_there_before_is_not_held_back_by_strangers(site):
    assert login(site, "ada", "right", "192.0.2.50").status_code == 302
    assert login(site, "ada", "right", "2001:db8:1:2::7").status_code == 302
    guess_from_everywhere(site, "ada", 20)
    refused = login(site, "ada", "right", THERE)
    assert refused.status_code == 429
    assert "from which ada has logged in before" in refused.content.decode()
    assert login(site, "ada", "right", "192.0.2.50").status_code == 302
    assert login(site, "ada", "right", "2001:db8:1:2::9").status_code == 302
    assert login(site, "ada", "right", "2001:db8:1:3::9").status_code == 429


def test_a_known_source_may_not_guess_without_end_either(site):
    login(site, "ada", "right", HERE)
    answers = [login(site, "ada", f"g{number}", HERE).status_code for number in range(14)]
    assert answers == [200] * 9 + [429] * 5


def test_the_delay_ends_and_the_right_password_ends_it(site):
    guess_from_everywhere(site, "ada", 14)
    assert login(site, "ada", "right", THERE).status_code == 429
    pass_time(2)
    assert login(site, "ada", "right", THERE).status_code == 302
    assert not LoginBrake.objects.filter(source="").exists()


def test_an_administrator_is_told_and_can_admit_the_owner(site, admin_client):
    guess_from_everywhere(site, "ada", 14)
    guess_from_everywhere(site, "nobody", 14)
    (finding,) = health_checks.accounts_under_attack()
    assert "“ada” is guessed at: 11 wrong in a row from 11 addresses" in finding.msg
    assert finding.commands == ("manage.py unlock_account ada --from ADDRESS",)
    assert "ada" in admin_client.get("/admin/accounts/loginbrake/").content.decode()
    call_command("unlock_account", "ada", "--from", THERE)
    guess_from_everywhere(site, "ada", 14, "203.0.113")
    assert login(site, "ada", "right", THERE).status_code == 302
    with pytest.raises(CommandError, match="'somewhere' is not an IP address"):
        call_command("unlock_account", "ada", "--from", "somewhere")


@pytest.mark.parametrize("spelt", ["ａｄａ", " ada ", "𝐚𝐝𝐚", "ad\u00aa"])
def test_another_spelling_of_a_name_is_no_further_account_to_guess_at(site, spelt):
    for number in range(10):
        login(site, [spelt, "ada"][number % 2])
    assert login(site, "ada", "right").status_code == 429
    assert {row.name for row in LoginBrake.objects.all()} == {"ada"}


def test_guesses_at_the_same_moment_all_count(site):
    """Each is counted before it is compared: those under way are not looked at for nothing."""
    first = [brake.attempt("password", "ada", f"198.51.100.{n}") for n in range(30)]
    assert [bool(one.wait) for one in first] == [False] * 11 + [True] * 19


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
