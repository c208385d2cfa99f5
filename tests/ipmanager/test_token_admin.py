"""Tokens in the admin: made there, shown once."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.models import Session
from api.models import Token
from tests.support.api import staff

pytestmark = pytest.mark.django_db
ADD, LIST = reverse("admin:ipmanager_token_add"), reverse("admin:ipmanager_token_changelist")


def make(client, **changed):
    user = User.objects.get(pk=client.session["_auth_user_id"])
    sent = {"name": "provisioning", "user": user.pk, "scopes": ["read", "allocate"], "days": "30"}
    return client.post(ADD, sent | changed)


def value_in(response):
    return re.search(r"ipm_[0-9a-f]{64}", response.content.decode())


def test_a_new_token_is_shown_once_and_works(admin_client):
    response = make(admin_client, networks="10.0.0.0/8\n192.0.2.0/24\n", subnets="10.1.0.0/16")

    value = value_in(response)[0]
    token = Token.objects.get()
    assert Token.objects.holding(value) == token
    assert (token.scopes, token.networks) == (["read", "allocate"], ["10.0.0.0/8", "192.0.2.0/24"])
    assert (token.subnets, round((token.expiry - token.created).total_seconds() / 86400)) == (
        ["10.1.0.0/16"],
        30,
    )
    assert "no-store" in response["Cache-Control"]


def test_its_value_is_on_no_other_page_and_in_no_session(admin_client):
    value = value_in(make(admin_client))[0]
    pages = [
        LIST,
        reverse("admin:ipmanager_token_change", args=[Token.objects.get().pk]),
        reverse("admin:index"),
    ]
    for page in pages:
        assert value not in admin_client.get(page).content.decode()
    assert all(value not in str(session.get_decoded()) for session in Session.objects.all())


def test_without_days_it_never_expires(admin_client):
    make(admin_client, days="")
    assert Token.objects.get().expiry is None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", ""),
        ("scopes", []),
        ("scopes", ["fly"]),
        ("days", "0"),
        ("networks", "10.0.0.1/8"),
        ("subnets", "x"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(admin_client, field, wrong):
    response = make(admin_client, **{field: wrong})
    assert list(response.context["adminform"].form.errors) == [field]
    assert not Token.objects.exists()


def test_only_superusers_make_tokens_for_somebody_else():
    boss, client = User.objects.create_superuser("boss"), Client()
    client.force_login(staff("ipmanager.add_token", "ipmanager.view_token"))

    response = make(client, user=boss.pk)

    assert list(response.context["adminform"].form.errors) == ["user"]
    assert value_in(make(client))


def test_a_token_is_revoked_by_deleting_it_and_never_changed(admin_client):
    make(admin_client)
    token = Token.objects.get()
    assert (
        admin_client.post(
            reverse("admin:ipmanager_token_change", args=[token.pk]), {"name": "x"}
        ).status_code
        == 403
    )
    admin_client.post(reverse("admin:ipmanager_token_delete", args=[token.pk]), {"post": "yes"})
    assert not Token.objects.exists()
