import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from api.authentication import TokenAuthentication
from api.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return User.objects.create_user("script")


def create(capsys, *arguments):
    call_command("create_token", "test", "--user", "script", *arguments)
    return capsys.readouterr().out.strip()


def authenticate(value, caller="192.0.2.1"):
    request = APIRequestFactory().get(
        "/", headers={"authorization": f"Bearer {value}"}, REMOTE_ADDR=caller
    )
    return TokenAuthentication().authenticate(request)


def test_a_created_token_authenticates_its_user(user, capsys):
    value = create(capsys)
    found, token = authenticate(value)
    assert (found, token.scopes) == (user, ["read"])


def test_the_value_is_not_in_the_database(user, capsys):
    value = create(capsys)
    row = Token.objects.values().get()
    assert value not in str(row)
    assert len(row["token_key"]) < len(value) / 4


def test_a_chosen_value_authenticates_and_is_not_readable_either(user):
    Token.objects.keep("short", user, name="fixed", scopes=["admin"])
    assert authenticate("short")[0] == user
    assert Token.objects.get().token_key == "s"


def test_an_unknown_token_is_refused(user):
    with pytest.raises(AuthenticationFailed):
        authenticate("ipm_none")


def test_any_bytes_in_the_header_are_refused_not_an_error(user):
    with pytest.raises(AuthenticationFailed):
        authenticate("\xff\xfe")


def test_an_expired_token_is_refused_and_stays_to_be_seen(user, capsys):
    value = create(capsys)
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    with pytest.raises(AuthenticationFailed, match="expired"):
        authenticate(value)
    assert Token.objects.exists()


def test_a_token_of_an_inactive_user_is_refused(user, capsys):
    value = create(capsys)
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        authenticate(value)


def test_a_token_works_only_from_its_networks(user, capsys):
    value = create(capsys, "--network", "10.0.0.0/8", "--network", "2001:db8::/32")
    assert authenticate(value, caller="10.1.2.3")
    assert authenticate(value, caller="2001:db8::1")
    for caller in ("192.0.2.1", ""):
        with pytest.raises(AuthenticationFailed, match="address"):
            authenticate(value, caller)


def test_authentication_is_one_query_after_the_first_of_the_day(
    user, capsys, django_assert_num_queries
):
    value = create(capsys)
    authenticate(value)
    with django_assert_num_queries(1):
        authenticate(value)
    assert Token.objects.get().last_used == timezone.localdate()


def test_the_admin_scope_allows_everything(user):
    assert Token(scopes=["admin"]).allows("subnets")
    assert Token(scopes=["read"]).allows("read")
    assert not Token(scopes=["read"]).allows("subnets")


def test_create_token_lives_as_long_as_asked(user, capsys):
    create(capsys, "--expires", "7")
    assert timedelta(days=6) < Token.objects.get().expiry - timezone.now() <= timedelta(days=7)


def test_create_token_can_live_for_ever(user, capsys):
    create(capsys, "--expires", "never")
    assert Token.objects.get().expiry is None


def test_create_token_speaks_json(user, capsys):
    told = json.loads(create(capsys, "--scope", "read,allocate", "--json"))
    assert (told["user"], told["scopes"]) == ("script", ["read", "allocate"])
    assert authenticate(told["token"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--scope", "read,fly"], "fly: choose from read"),
        (["--scope", ","], "nothing: choose from"),
        (["--expires", "soon"], "'soon' is neither"),
        (["--expires", "0"], "'0' is neither"),
        (["--network", "10.0.0.1/8"], "has host bits set"),
        (["--user", "nobody"], "no user 'nobody'"),
    ],
)
def test_create_token_says_what_is_wrong(user, capsys, arguments, complaint):
    with pytest.raises(CommandError, match=complaint):
        create(capsys, *arguments)
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["fly"]}, {"networks": ["10.0.0.1/8"]}, {"subnets": ["x"]}]
)
def test_a_saved_token_is_valid(user, wrong):
    with pytest.raises(ValidationError):
        Token.objects.create(user, **({"name": "x", "scopes": ["read"]} | wrong))
