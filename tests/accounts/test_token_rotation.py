"""A token gets a new secret while the old one still works."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import health_checks
from api.models import Replay, Token
from api.tokens import rotate
from core.errors import Conflict, Invalid
from ipam.models import Subnet
from tests.accounts.people import age_confirmation, browser, person, send_password
from tests.support.api import Caller, answer, staff, with_session, with_token

pytestmark = pytest.mark.django_db
OWN, ALL = "/api/v1/tokens/current/", "/api/v1/tokens/"


def with_value(value):
    return Caller(headers={"authorization": f"Bearer {value}"})


@pytest.fixture
def token():
    boss = User.objects.create_superuser("boss")
    return Token.objects.create(
        boss,
        expiry=timedelta(days=90),
        name="provisioning",
        scopes=["read", "rotate"],
        networks=["127.0.0.0/8"],
        subnets=["10.0.0.0/8"],
        services=["test/*"],
    )


def works(value):
    return with_value(value).get("/api/v1/subnets/").status_code == 200


def test_the_new_one_is_like_the_old_one_and_both_work_until_the_overlap_ends(token):
    old, value = token
    status, body = answer(with_value(value).post(f"{OWN}rotate/", {"overlap_hours": 2}))
    assert status == 201
    new = Token.objects.holding(body["token"])
    same = ("name", "user", "scopes", "networks", "subnets", "services")
    assert [getattr(new, field) for field in same] == [getattr(old, field) for field in same]
    assert abs(new.expiry - new.created - timedelta(days=90)) < timedelta(seconds=1)
    assert works(value) and works(body["token"])
    old.refresh_from_db()
    assert abs(old.expiry - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert body["old_expires"] == old.expiry.isoformat().replace("+00:00", "Z")
    Token.objects.filter(pk=old.pk).update(expiry=timezone.now())
    assert not works(value) and works(body["token"])


def test_the_overlap_never_prolongs_the_old_one(token):
    old, _value = token
    soon = timezone.now() + timedelta(hours=1)
    Token.objects.filter(pk=old.pk).update(expiry=soon)
    rotate(old, 24)
    old.refresh_from_db()
    assert old.expiry == soon


def test_a_lost_answer_is_asked_for_again_until_the_successor_is_in_use(token):
    _old, value = token
    lost = with_value(value).post(f"{OWN}rotate/").json()
    again = with_value(value).post(f"{OWN}rotate/").json()
    assert not works(lost["token"]) and works(again["token"])
    new = Token.objects.holding(again["token"])
    assert abs(new.expiry - new.created - timedelta(days=90)) < timedelta(seconds=1)
    status, body = answer(with_value(value).post(f"{OWN}rotate/"))
    assert (status, "successor is in use" in body["detail"]) == (409, True)
    assert with_value(again["token"]).post(f"{OWN}rotate/").status_code == 201


def test_the_value_is_stored_nowhere(token):
    _old, value = token
    caller = with_value(value)
    answer = caller.post(f"{OWN}rotate/", headers={"idempotency-key": "k"})
    assert "no-store" in answer["Cache-Control"]
    assert not Replay.objects.exists()
    shown = with_value(value).get(OWN).content.decode()
    assert answer.json()["token"] not in shown and value not in shown


def test_a_request_is_not_carried_out_twice_because_its_token_was_rotated_between(token):
    old, value = token
    Token.objects.filter(pk=old.pk).update(subnets=[], scopes=["admin"])
    new = with_value(value).post(f"{OWN}rotate/").json()["token"]
    sent = {"network": "10.9.0.0/24"}
    for caller in (with_value(value), with_value(new)):
        made = caller.post("/api/v1/subnets/", sent, headers={"idempotency-key": "once"})
        assert made.status_code == 201
    assert Subnet.objects.count() == 1


def test_it_needs_the_scope():
    caller = with_token("read", "addresses")
    assert caller.post(f"{OWN}rotate/").status_code == 403
    assert caller.get(OWN).json()["scopes"] == ["read", "addresses"]
    assert with_session(User.objects.create_superuser("b")).post(f"{OWN}rotate/").status_code == 403


@pytest.mark.parametrize("hours", [-1, 721, "x", None, 1.5, 10**30])
def test_an_overlap_that_cannot_be_is_refused(token, hours):
    status, body = answer(with_value(token[1]).post(f"{OWN}rotate/", {"overlap_hours": hours}))
    assert (status, list(body["errors"])) == (400, ["overlap_hours"])
    assert answer(with_value(token[1]).post(f"{OWN}rotate/", {"hours": 1}))[0] == 400
    assert Token.objects.count() == 1


def test_an_expired_token_and_the_one_of_the_settings_are_not_rotated(token, settings):
    old, _value = token
    Token.objects.filter(pk=old.pk).update(expiry=timezone.now())
    with pytest.raises(Conflict, match="has expired"):
        rotate(old)
    settings.BOOTSTRAP_TOKEN = "a long and well chosen value"
    fixed = Token.objects.keep(
        settings.BOOTSTRAP_TOKEN, old.user, name="bootstrap", scopes=["admin"]
    )
    with pytest.raises(Conflict, match="IPMANAGER_BOOTSTRAP_TOKEN"):
        rotate(fixed)
    with pytest.raises(Invalid):
        rotate(fixed, 10_000)


# --- administrators -------------------------------------------------------------------------------


def test_an_administrator_lists_and_rotates_every_token(token):
    old, _value = token
    caller = with_token("admin")
    listed = caller.get(ALL).json()
    assert {row["name"] for row in listed} == {"provisioning", "test"}
    assert old.digest not in json.dumps(listed)
    body = caller.post(f"{ALL}{old.token_key}/rotate/", {"overlap_hours": 0}).json()
    assert body["new"]["name"] == "provisioning"
    assert works(body["token"]) and not works(token[1])
    assert caller.post(f"{ALL}ipm_nothing/rotate/").status_code == 404


def test_nobody_else_sees_or_rotates_tokens_of_others(token):
    old, _value = token
    user = staff("ipmanager.view_token", "ipmanager.add_token")
    caller = with_token("admin", user=user)
    assert [row["user"] for row in caller.get(ALL).json()] == [user.username]
    assert caller.post(f"{ALL}{old.token_key}/rotate/").status_code == 404
    for other in (with_token("read"), with_token("admin", user=staff())):
        assert other.get(ALL).status_code == 403
        assert other.post(f"{ALL}{old.token_key}/rotate/").status_code == 403


def test_a_session_has_to_be_confirmed(token):
    person("ada", is_superuser=True)
    client = browser()
    send_password(client)
    age_confirmation(client)
    url = f"{ALL}{token[0].token_key}/rotate/"
    assert client.post(url, "{}", content_type="application/json").status_code == 403
    age_confirmation(client, 0)
    assert client.post(url, "{}", content_type="application/json").status_code == 201


def test_in_the_admin_the_new_value_is_shown_once(token, admin_client):
    old, _value = token
    url = f"/admin/ipmanager/token/{old.pk}/rotate/"
    assert "provisioning" in admin_client.get(url).content.decode()
    assert "overlap_hours" in admin_client.post(url, {"overlap_hours": "9999"}).content.decode()
    page = admin_client.post(url, {"overlap_hours": "24"}).content.decode()
    new = Token.objects.get(lineage=old.pk)
    assert new.token_key in page
    listed = admin_client.get("/admin/ipmanager/token/").content.decode()
    assert listed.count("provisioning") >= 2 and "replaced" in listed
    again = admin_client.get("/admin/ipmanager/token/?state=replaced").content.decode()
    assert old.token_key in again or "provisioning" in again


def test_in_the_admin_nobody_rotates_the_token_of_somebody_else(token):
    client = browser()
    client.force_login(staff("ipmanager.view_token", "ipmanager.add_token"))
    assert client.post(f"/admin/ipmanager/token/{token[0].pk}/rotate/", {}).status_code == 404
    client.force_login(staff("ipmanager.view_token"))
    assert client.post(f"/admin/ipmanager/token/{token[0].pk}/rotate/", {}).status_code == 403


# --- the command ----------------------------------------------------------------------------------


def run(*arguments):
    output = StringIO()
    call_command("rotate_token", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue().strip()


def test_the_command_takes_a_name_or_a_key(token):
    old, value = token
    first = run("provisioning")
    assert works(first) and works(value)
    new = Token.objects.holding(first)
    shown = json.loads(run(new.token_key, "--overlap", "1", "--json"))
    assert works(shown["token"])
    assert shown["name"] == "provisioning"
    with pytest.raises(CommandError, match="no token 'nothing'"):
        run("nothing")
    Token.objects.create(old.user, name="provisioning", scopes=["read"])
    with pytest.raises(CommandError, match="several tokens are called 'provisioning'; name one of"):
        run("provisioning")


# --- reminders ------------------------------------------------------------------------------------


def expiring(token, days):
    Token.objects.filter(pk=token.pk).update(expiry=timezone.now() + timedelta(days=days, hours=1))
    return list(health_checks.expiring_tokens())


def test_it_is_told_two_weeks_before_and_a_week_after(token):
    old, _value = token
    assert expiring(old, 20) == []
    (soon,) = expiring(old, 13)
    assert "“provisioning” expires at" in soon.msg
    assert soon.commands == (f"manage.py rotate_token {old.token_key}",)
    (late,) = expiring(old, -3)
    assert "has expired" in late.msg and not late.commands
    assert expiring(old, -30) == []


def test_a_replaced_token_and_one_of_a_disabled_user_need_no_reminder(token):
    old, _value = token
    expiring(old, 3)
    new, _new_value = rotate(old)
    Token.objects.filter(pk=new.pk).update(expiry=None)
    assert list(health_checks.expiring_tokens()) == []
    other = Token.objects.create(
        person("ada", is_active=False), expiry=timedelta(days=2), name="x", scopes=["read"]
    )
    assert other and list(health_checks.expiring_tokens()) == []


def test_many_of_them_are_told_in_few_lines(token):
    for number in range(9):
        Token.objects.create(
            token[0].user, expiry=timedelta(days=2), name=f"t{number}", scopes=["read"]
        )
    found = list(health_checks.expiring_tokens())
    assert len(found) == 4
    assert "6 more API tokens expire soon" in found[-1].msg


def test_the_list_says_which_expire_soon(token, admin_client):
    expiring(token[0], 3)
    assert "3 days left" in admin_client.get("/admin/ipmanager/token/").content.decode()
    for state, shown in (("soon", True), ("replaced", False), ("expired", False)):
        page = admin_client.get(f"/admin/ipmanager/token/?state={state}").content.decode()
        assert ("provisioning" in page) == shown
