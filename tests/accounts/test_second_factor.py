"""A second factor: whoever has one needs it, and who must have one gets no further without."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from accounts.models import KnownSource, LoginBrake, SecondFactorGroup, Session
from tests.accounts.people import (
    ACCOUNT,
    CODE,
    HERE,
    SET_UP,
    THERE,
    age_confirmation,
    browser,
    code_of,
    fresh_code,
    is_in,
    key_on,
    person,
    requiring_group,
    send_password,
    set_up,
)
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return person()


@pytest.fixture
def guarded(ada):
    """Ada has a second factor; what she keeps are her recovery codes."""
    client = browser(THERE)
    client.force_login(ada)
    ada.codes = set_up(client)
    KnownSource.objects.all().delete()
    Session.objects.all().delete()
    return ada


# --- with a second factor -------------------------------------------------------------------------


def test_without_a_second_factor_the_password_suffices(ada):
    client = browser()
    assert send_password(client).url == "/admin/"
    assert is_in(client)


def test_the_password_alone_opens_nothing(guarded):
    client = browser()
    answer = send_password(client, to="/ipam/")
    assert answer.url == CODE
    assert not is_in(client)
    assert client.get("/ipam/").status_code == 302
    assert client.get("/api/v1/subnets/").status_code == 401
    assert not KnownSource.objects.exists()
    assert client.post(CODE, {"code": fresh_code(guarded)}).url == "/ipam/"
    assert is_in(client)


def test_a_code_counts_once(guarded):
    code = fresh_code(guarded)
    for expected in (302, 200):
        client = browser()
        send_password(client)
        answer = client.post(CODE, {"code": code})
        assert answer.status_code == expected
    assert "used before" in answer.content.decode()


def test_a_recovery_code_stands_in_once_however_it_is_typed(guarded):
    assert len(guarded.codes) == len(set(guarded.codes)) == 10
    typed = guarded.codes[0].upper().replace("-", " ")
    for expected in (302, 200):
        client = browser()
        send_password(client)
        assert client.post(CODE, {"code": typed}).status_code == expected
    assert second_factor.recovery_codes_left(guarded) == 9


def test_the_database_holds_no_recovery_code(guarded):
    held = set(StaticToken.objects.values_list("token", flat=True))
    plain = {code.replace("-", "") for code in guarded.codes}
    assert len(held) == 10
    assert not held & (plain | set(guarded.codes))


@pytest.mark.parametrize(
    "code", ["", "000000", "x" * 41, "١٢٣٤٥٦", "1e5", "-1", "\0", "🔑", "٣" * 6]
)
def test_nothing_else_is_a_code(guarded, code):
    client = browser()
    send_password(client)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert not is_in(client)


def test_somebody_elses_code_is_wrong(guarded):
    person("bob")
    other = browser()
    send_password(other, "bob")
    set_up(other)
    client = browser()
    send_password(client, "bob")
    assert client.post(CODE, {"code": fresh_code(guarded)}).status_code == 200
    assert client.post(CODE, {"code": guarded.codes[0]}).status_code == 200


def test_without_the_password_no_code_is_asked_for(guarded):
    client = browser()
    assert client.get(CODE).url == "/admin/login/"
    assert client.post(CODE, {"code": fresh_code(guarded)}).url == "/admin/login/"


@pytest.mark.parametrize("change", ["password", "disabled", "late"])
def test_what_changes_between_the_steps_ends_the_login(guarded, change):
    client = browser()
    send_password(client)
    if change == "password":
        guarded.set_password("other")
    guarded.is_active = change != "disabled"
    guarded.save()
    if change == "late":
        session = client.session
        session["pending_login"] = session["pending_login"] | {"until": 0}
        session.save()
    assert client.post(CODE, {"code": fresh_code(guarded)}).url == "/admin/login/"
    assert not is_in(client)


def test_guessing_codes_is_braked_for_all_addresses_and_not_for_a_known_one(guarded):
    known = browser()
    send_password(known)
    known.post(CODE, {"code": fresh_code(guarded)})
    thief = browser(THERE)
    send_password(thief)
    said = [thief.post(CODE, {"code": "000000"}).content.decode() for _ in range(13)]
    assert ["Too many wrong attempts" in page for page in said] == [False] * 11 + [True] * 2
    code = fresh_code(guarded)
    assert thief.post(CODE, {"code": code}).status_code == 200
    assert not is_in(thief)
    owner = browser(HERE)
    send_password(owner)
    assert owner.post(CODE, {"code": code}).status_code == 302
    assert LoginBrake.objects.get(kind="code").name == "ada"


def test_api_tokens_are_not_affected(guarded):
    requiring_group(guarded)
    guarded.is_superuser = True
    guarded.save()
    assert with_token("read", user=guarded).get("/api/v1/subnets/").status_code == 200


# --- groups that require it -----------------------------------------------------------------------


def test_who_must_have_one_is_led_to_it_and_can_do_nothing_else(ada):
    requiring_group(ada)
    client = browser()
    assert send_password(client, to="/ipam/").url == SET_UP
    for url in ("/admin/", "/ipam/", "/admin/account/", "/admin/password_change/", CODE):
        assert client.get(url).status_code == 302, url
    assert client.get("/api/v1/subnets/").status_code == 401
    codes = set_up(client)
    assert len(codes) == 10
    assert is_in(client)
    assert send_password(browser()).url == CODE


def test_a_wrong_code_sets_nothing_up(ada):
    requiring_group(ada)
    client = browser()
    send_password(client)
    key = key_on(client.get(SET_UP))
    page = client.post(SET_UP, {"code": "000000"})
    assert "Check the clock" in page.content.decode()
    assert key_on(page) == key
    assert not TOTPDevice.objects.exists()
    assert not is_in(client)


def test_a_session_that_began_before_ends_when_its_group_requires_one(ada):
    client = browser()
    send_password(client)
    assert is_in(client)
    group = requiring_group(ada)
    assert not is_in(client)
    assert client.get("/api/v1/subnets/").status_code == 401
    group.delete()
    send_password(client)
    assert is_in(client)


def test_the_question_costs_no_query(ada, django_assert_num_queries):
    requiring_group(ada)
    client = browser()
    send_password(client)
    set_up(client)
    with django_assert_num_queries(2):  # session, user
        client.get("/admin/login/")


def test_an_administrator_requires_it_in_the_admin(admin_client):
    group = Group.objects.create(name="guarded")
    url = f"/admin/auth/group/{group.pk}/change/"
    assert "Require a second factor" in admin_client.get(url).content.decode()
    admin_client.post(url, {"name": "guarded", "needs_second_factor": "on"})
    assert SecondFactorGroup.objects.get().group == group
    admin_client.post(url, {"name": "guarded"})
    assert not SecondFactorGroup.objects.exists()


# --- one's own account ----------------------------------------------------------------------------


def test_setting_up_logs_out_everywhere_else(ada):
    first, second = browser(), browser(THERE)
    send_password(first)
    send_password(second)
    set_up(second)
    assert (is_in(first), is_in(second)) == (False, True)


def test_codes_and_authenticator_are_renewed_and_removed_after_a_confirmation(guarded):
    client = browser()
    send_password(client)
    client.post(CODE, {"code": guarded.codes[0]})
    age_confirmation(client)
    for action in ("new-codes", "remove"):
        page = client.post(ACCOUNT, {"action": action})
        assert "Confirm that it is you" in page.content.decode()
    assert "Confirm that it is you" in client.get(SET_UP).content.decode()
    assert second_factor.recovery_codes_left(guarded) == 9
    sent = {"action": "new-codes", "confirm-asked": "POST", "confirm-code": guarded.codes[1]}
    page = client.post(ACCOUNT, sent).content.decode()
    assert "Keep these recovery codes" in page
    assert not second_factor.verify(guarded, guarded.codes[2])
    client.post(ACCOUNT, {"action": "remove"})
    assert not second_factor.is_set_up(guarded)


def test_a_member_of_a_group_that_requires_it_cannot_remove_it(guarded):
    requiring_group(guarded)
    client = browser()
    send_password(client)
    client.post(CODE, {"code": fresh_code(guarded)})
    page = client.post(ACCOUNT, {"action": "remove"}, follow=True).content.decode()
    assert "A group of yours requires the second factor" in page
    assert second_factor.is_set_up(guarded)


def test_a_key_is_never_shown_again(guarded):
    client = browser()
    send_password(client)
    client.post(CODE, {"code": fresh_code(guarded)})
    key = TOTPDevice.objects.get().key
    assert key_on(client.get(SET_UP)) != key


def test_the_picture_is_drawn_here_and_says_who_and_where(ada, settings):
    settings.OTP_TOTP_ISSUER = "IPManager ipam.example.org"
    key = second_factor.new_key()
    assert second_factor.qr_code(ada, key).startswith("data:image/svg+xml")
    url = TOTPDevice(user=ada, key=key).config_url
    assert url.startswith("otpauth://totp/IPManager%20ipam.example.org%3Aada?secret=")


# --- recovery -------------------------------------------------------------------------------------


def test_who_has_lost_everything_is_helped_by_a_command(guarded):
    client = browser()
    send_password(client)
    client.post(CODE, {"code": fresh_code(guarded)})
    call_command("reset_second_factor", "ada")
    assert not is_in(client)
    assert send_password(client).url == "/admin/"
    assert not second_factor.verify(guarded, guarded.codes[3])
    for name, why in (("ada", "has no second factor"), ("nobody", "no user")):
        with pytest.raises(CommandError, match=why):
            call_command("reset_second_factor", name)


def test_or_by_an_administrator_in_the_admin(guarded, admin_client):
    sent = {"action": "remove_second_factor", "_selected_action": [guarded.pk]}
    admin_client.post("/admin/auth/user/", sent)
    assert not second_factor.is_set_up(guarded)


def test_a_code_of_another_moment_is_wrong(guarded):
    key = TOTPDevice.objects.get().key
    TOTPDevice.objects.update(last_t=-1)
    assert not second_factor.verify(guarded, code_of(key, moment=-600))
    assert not second_factor.verify(guarded, code_of(key, moment=600))
    assert second_factor.verify(guarded, code_of(key, moment=30))
