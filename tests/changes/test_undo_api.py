"""Undo at the API, as `manage.py undo` and on its page: plan, rights, repetition."""

import json

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command

from changes.lines import Line
from ipam.models import Interface, IPAddress, Server, Subnet
from tests.changes.undoing import do, ledger
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])
    return Subnet.objects.get(pk=found.pk)


@pytest.fixture
def made(subnet):
    return do(ServerFactory, hostname="web", ip_address="10.0.0.12", mac_address=None)


@pytest.fixture
def api():
    return with_token("admin")


def url(change):
    return f"/api/v1/changes/{change}/undo/"


def post(api, change, query="", **body):
    return api.post(url(change) + query, body, format="json")


def test_a_dry_run_answers_with_the_plan_and_changes_nothing(api, made):
    before = ledger()
    plan = post(api, made, "?dry_run=1").json()
    assert plan["possible"]
    assert plan["items"][0]["text"] == "server web is deleted."
    assert plan["items"][1]["columns"]["status"] == {"now": "allocated", "then": "available"}
    assert ledger() == before


def test_an_undo_answers_with_its_own_change_which_can_be_undone(api, made):
    after = ledger()
    digest = post(api, made, "?dry_run=1").json()["digest"]
    done = post(api, made, digest=digest).json()
    assert not Server.objects.exists()
    assert Server.history.latest().history_change == done["undone_by"]
    assert post(api, done["undone_by"]).status_code == 200
    assert ledger() == after


def test_a_refusal_is_a_problem_with_the_plan(api, made):
    later = do(Server.objects.all().update, description="x")
    refused = post(api, made)
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"] == "server web was changed since."
    reasons = refused.json()["plan"]["refusals"]
    assert [one["change"] for one in reasons[0]["later"]] == [later]
    assert post(api, made, with_later=True).status_code == 200
    assert not Server.objects.exists()


def test_another_plan_than_the_one_that_was_shown_is_refused(api, made):
    refused = post(api, made, digest="other")
    assert refused.status_code == 409
    assert "has changed since" in refused.json()["detail"]
    assert refused.json()["plan"]["possible"]
    assert Server.objects.exists()


def test_the_same_request_twice_is_one_undo(api, made):
    first = api.post(url(made), {}, format="json", headers={"Idempotency-Key": "k"})
    second = api.post(url(made), {}, format="json", headers={"Idempotency-Key": "k"})
    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (200, 200)


@pytest.mark.parametrize(
    "query, body", [("?dry=1", {}), ("?dry_run=maybe", {}), ("", {"x": 1}), ("", {"digest": []})]
)
def test_what_is_asked_wrongly_names_the_field(api, made, query, body):
    assert post(api, made, query, **body).status_code == 400
    assert Server.objects.exists()


@pytest.mark.parametrize("change", ["none", "ipam.server:0", "ipam.nothing:1", "a:b:c", "%00"])
def test_no_such_change(api, made, change):
    assert post(api, change).status_code == 404


# --- rights ---------------------------------------------------------------------------------------


def user_with(*permissions):
    user = User.objects.create_user("u", password="u", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


VIEW = ("view_server", "view_ipaddress")


@pytest.mark.parametrize(
    "permissions, status",
    [
        ((), 403),
        (("change_server",), 404),
        ((*VIEW, "change_server"), 403),
        (("view_server", "delete_server"), 403),
        ((*VIEW, "delete_server"), 200),
    ],
)
def test_an_undo_needs_the_rights_of_what_it_does(made, permissions, status):
    api = with_token("admin", user=user_with(*permissions))
    assert post(api, made).status_code == status
    assert Server.objects.exists() == (status != 200)


@pytest.mark.parametrize("scope, status", [("addresses", 200), ("subnets", 403), ("read", 403)])
def test_a_token_needs_the_scope_of_what_it_undoes(made, scope, status):
    scopes = ["read", scope]
    assert post(with_token(*scopes), made).status_code == status


@pytest.mark.parametrize("right, status", [("change_server", 403), ("change_ipaddress", 200)])
def test_the_vm_of_an_address_that_a_server_keeps_needs_the_right_to_change_it(made, right, status):
    row = IPAddress.objects.get(ip_address="10.0.0.12")
    row.vm_id = "vm-9"
    change = do(row.save)
    assert post(with_token("admin", user=user_with(*VIEW, right)), change).status_code == status
    row.refresh_from_db()
    assert row.vm_id == ("vm-9" if status == 403 else None)


def test_a_later_change_that_the_caller_may_not_see_is_not_named(made):
    Interface(server=Server.objects.get(), name="secret").save()
    api = with_token("admin", user=user_with(*VIEW, "delete_server"))
    refused = post(api, made)
    assert refused.status_code == 409
    assert "secret" not in refused.content.decode()
    assert post(api, made, with_later=True).status_code == 403


def test_a_confined_token_undoes_what_lies_in_its_subnets(made):
    assert post(with_token("admin", subnets=["10.9.0.0/16"]), made).status_code == 404
    assert post(with_token("admin", subnets=["10.0.0.0/24"]), made).status_code == 200


def test_a_confined_token_undoes_no_move_to_elsewhere(made):
    server = Server.objects.get()
    server.ip_address = "10.9.0.5"
    moved = do(server.save)
    for network in ("10.0.0.0/24", "10.9.0.0/24"):
        assert post(with_token("admin", subnets=[network]), moved).status_code in (403, 404)
    assert post(with_token("admin", subnets=["10.0.0.0/8"]), moved).status_code == 200


def test_a_confined_token_is_not_told_who_is_in_the_way(subnet):
    ServerFactory(hostname="web", ip_address="10.0.0.12", mac_address="02:00:00:00:00:01")
    made = do(lambda: Server.objects.get().delete())
    do(ServerFactory, hostname="secret", ip_address="10.9.0.5", mac_address="02:00:00:00:00:01")
    refused = post(with_token("admin", subnets=["10.0.0.0/24"]), made)
    assert refused.status_code == 409
    assert "secret" not in refused.content.decode()
    assert "10.9" not in refused.content.decode()


# --- command and page -----------------------------------------------------------------------------


def test_the_command_shows_undoes_and_says_how_to_undo_that(made, capsys):
    call_command("undo", made, "--dry-run")
    assert "server web is deleted." in capsys.readouterr().out
    call_command("undo", made, "--json")
    back = json.loads(capsys.readouterr().out)["undone_by"]
    call_command("undo", back)
    assert Server.objects.get().hostname == "web"
    with pytest.raises(CommandError, match="no such change"):
        call_command("undo", "none")


def test_the_command_names_what_is_in_the_way(made):
    later = do(Server.objects.all().update, description="x")
    with pytest.raises(CommandError, match=later):
        call_command("undo", made)


def page(change):
    return f"/admin/changes/{change}/undo/"


def test_the_page_shows_both_sides_and_one_button_that_undoes(admin_client, made):
    shown = admin_client.get(page(made))
    assert "server web" in shown.content.decode()
    digest = shown.context["plan"].digest
    done = admin_client.post(page(made), {"digest": digest}, follow=True)
    assert not Server.objects.exists()
    back = Server.history.latest().history_change
    assert page(back) in done.content.decode()


def test_the_page_offers_to_undo_later_changes_and_says_which(admin_client, made):
    do(Server.objects.all().update, description="x")
    refused = admin_client.get(page(made))
    assert "?with_later=1" in refused.content.decode()
    assert "<form method" not in refused.content.decode().partition("ipm-undo")[2]
    both = admin_client.get(page(made) + "?with_later=1")
    values = {"digest": both.context["plan"].digest, "with_later": "1"}
    admin_client.post(page(made), values)
    assert not Server.objects.exists()


def test_a_page_that_is_outdated_shows_the_new_plan(admin_client, made):
    shown = admin_client.post(page(made), {"digest": "other"})
    assert shown.status_code == 409
    assert shown.context["plan"].is_possible
    assert admin_client.post(page(made)).status_code == 403
    assert Server.objects.exists()


def test_who_may_only_look_sees_no_way_to_undo(client, made):
    user = user_with()
    user.groups.add(Group.objects.get(name="Operators"))
    client.force_login(user)
    assert client.get(page(made)).status_code == 403
    assert client.get(page("none")).status_code == 404
    assert Server.objects.exists()


def test_security_is_never_undone_and_the_plan_says_so(api, made, monkeypatch):
    from changes.undo import kinds

    monkeypatch.setattr(kinds, "LEDGER", ("pxe",))
    kinds.kinds.cache_clear()
    try:
        plan = post(api, made, "?dry_run=1").json()
    finally:
        monkeypatch.undo()
        kinds.kinds.cache_clear()
    assert not plan["possible"]
    assert "never undone" in plan["left"][0]


def test_one_line_is_undone_by_its_name(api, made):
    line = Line(Server, Server.history.get())
    do(Server.objects.all().update, description="x")
    changed = Line(Server, Server.history.latest())
    assert post(api, changed.key).status_code == 200
    assert Server.objects.get().description == ""
    assert post(api, line.key, "?dry_run=1").json()["possible"] is False
    assert IPAddress.objects.filter(status="allocated").exists()
