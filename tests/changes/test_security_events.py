"""Logins, tokens, rights and refused access are lines of the log, too; often the same is one."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accounts import second_factor, sessions
from accounts.models import Session
from api.models import Token
from api.security import record as module
from api.security.models import SecurityEvent
from api.security.record import Kind, record, record_seldom
from api.tokens import rotate
from changes.security import SecurityLine
from core.history import origin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_seen():
    module._seen.clear()
    SecurityEvent.objects.all().delete()


def kinds():
    return list(SecurityEvent.objects.order_by("pk").values_list("kind", flat=True))


def log_in(client, password):
    return client.post(reverse("admin:login"), {"username": "ann", "password": password})


@pytest.fixture
def ann():
    user = User.objects.create_user("ann", password="correct horse", is_staff=True)
    SecurityEvent.objects.all().delete()
    return user


def test_a_login_names_the_user_and_the_address(ann, client):
    log_in(client, "correct horse")
    event = SecurityEvent.objects.get(kind=Kind.LOGIN)
    assert (event.user_id, event.actor, event.address) == (ann.pk, "ann", "127.0.0.1")
    assert (event.source, event.subject) == ("web", "ann")


def test_wrong_passwords_are_one_line_a_while(ann, client):
    for _attempt in range(3):
        log_in(client, "wrong")
    assert kinds() == [Kind.LOGIN_FAILED]


def test_a_logout_is_told(ann, client):
    client.force_login(ann)
    client.post(reverse("admin:logout"))
    assert kinds()[-1] == Kind.LOGOUT


def test_a_changed_password_is_told_and_a_login_s_time_is_not(ann):
    ann.save(update_fields=["last_login"])
    assert kinds() == []
    ann.set_password("battery staple")
    ann.save()
    assert kinds() == [Kind.PASSWORD_CHANGED]


def test_rights_are_told(ann):
    ann.is_superuser = True
    ann.save()
    ann.groups.add(Group.objects.create(name="auditors"))
    flags, membership = SecurityEvent.objects.order_by("pk")
    assert flags.detail == {"is_superuser": True, "created": False}
    assert (membership.kind, membership.subject) == (Kind.RIGHTS_CHANGED, "ann")
    assert membership.detail["verb"] == "add"


def test_a_token_s_life_is_told(ann):
    token, _value = Token.objects.create(ann, name="ci", scopes=["read"])
    new, _value = rotate(token)
    new.delete()
    assert kinds() == [
        Kind.TOKEN_CREATED,
        Kind.TOKEN_CREATED,
        Kind.TOKEN_ROTATED,
        Kind.TOKEN_REVOKED,
    ]


def test_a_token_s_first_use_from_an_address_is_told_once(ann):
    _token, value = Token.objects.create(ann, name="ci", scopes=["read"])
    client = Client(headers={"Authorization": f"Bearer {value}"})
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        client.get("/api/v1/subnets/", REMOTE_ADDR=address)
    used = SecurityEvent.objects.filter(kind=Kind.TOKEN_USED).order_by("pk")
    assert [event.detail["network"] for event in used] == ["10.0.0.1", "10.0.0.2"]


def test_refused_access_is_one_line_a_while_with_a_count(monkeypatch, client):
    for _call in range(3):
        assert client.get("/api/v1/subnets/").status_code == 401
    assert kinds() == [Kind.REFUSED]
    monkeypatch.setattr(module, "WINDOW", 0.0)
    client.get("/api/v1/subnets/")
    last = SecurityEvent.objects.latest("pk")
    assert last.detail == {"status": 401, "times": 3}
    assert last.subject == "GET /api/v1/subnets"


def test_a_second_factor_is_told_and_its_codes_are_not(ann):
    second_factor.renew_recovery_codes(ann)
    second_factor.remove(ann)
    assert kinds() == [Kind.FACTOR_REMOVED]


def test_the_end_of_sessions_is_told(ann, client):
    client.force_login(ann)
    assert sessions.end(Session.objects.all(), ann) == 1
    assert kinds()[-1] == Kind.SESSION_ENDED


def test_an_event_shares_the_id_of_its_change(ann):
    with origin.acting("command", "backup"):
        record(Kind.BACKUP, "a.tar")
        change = origin.current().change
    event = SecurityEvent.objects.get()
    assert (event.change, event.source, event.actor) == (change, "command", "backup")


def test_an_event_reads_like_a_line(ann):
    record(Kind.BACKUP, "a.tar", bytes=7)
    line = SecurityLine(SecurityEvent.objects.get())
    assert line.key == f"ipmanager.securityevent:{line.object_id}"
    assert line.difference()["subject"] == (None, "a.tar")
    assert line.difference()["bytes"] == (None, 7)


def test_any_text_can_be_a_subject():
    record_seldom(Kind.LOGIN_FAILED, "a\0b\ud800" + "x" * 400)
    assert len(SecurityEvent.objects.get().subject) == 255
