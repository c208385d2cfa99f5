"""Webhooks at the REST API, in the admin, in metrics and findings."""

import ipaddress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from events.models import Webhook, WebhookDelivery
from events.webhooks import fan_out, metrics, queue
from events.webhooks.health_checks import webhooks as check
from events.webhooks.queue import Outcome
from tests.events import making
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/webhooks/"
URL = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings):
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1")]


def given_up(hook):
    making.events(2, subjects=1)
    fan_out.fan_out()
    first = WebhookDelivery.objects.filter(webhook=hook).earliest("event_id")
    now = timezone.now()
    queue.finish([Outcome(first.pk, hook.pk, False, now, 500, "status 500", final=True)])
    return first


def test_a_webhook_is_made_and_shows_its_secret_once():
    api = with_token("admin")
    made = api.post(ROUTE, {"name": "cmdb", "url": URL, "kinds": ["address.*"]})
    assert made.status_code == 201, made.content
    row = Webhook.objects.get()
    assert made.json()["secret"] == row.secrets()[0]
    assert made.json()["owner"] == row.owner.username
    shown = api.get(f"{ROUTE}{row.pk}/").json()
    assert "secret" not in shown and shown["fingerprint"] == row.fingerprint
    changed = api.patch(f"{ROUTE}{row.pk}/", {"enabled": False, "subnets": ["10.0.0.0/8"]})
    assert changed.json()["subnets"] == ["10.0.0.0/8"]
    rotated = api.post(f"{ROUTE}{row.pk}/rotate/").json()
    assert rotated["secret"] not in (made.json()["secret"], "")
    assert api.delete(f"{ROUTE}{row.pk}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"url": "http://localhost:1/"}, "url"),
        ({"kinds": ["Not a kind"]}, "kinds"),
        ({"subnets": ["10.0.0.1/8"]}, "subnets"),
        ({"ca": "x"}, "ca"),
        ({"timeout": 60}, "timeout"),
        ({"secret": "mine"}, "secret"),
        ({"owner": "somebody"}, "owner"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(body, field, settings):
    settings.WEBHOOK_ALLOW = []
    answer = with_token("admin").post(ROUTE, {"name": "bad", "url": "http://8.8.8.8/", **body})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_and_sent_again():
    api = with_token("admin")
    hook = making.webhook(URL)
    first = given_up(hook)
    route = f"{ROUTE}{hook.pk}/"
    dead = api.get(f"{route}deliveries/?state=dead").json()["results"]
    assert [(row["id"], row["error"]) for row in dead] == [(first.pk, "status 500")]
    assert api.get(f"{route}deliveries/?state=x").status_code == 400
    assert api.post(f"{route}replay/", {"deliveries": [first.pk]}).json() == {"count": 1}
    assert api.post(f"{route}replay/", {}).json() == {"count": 0}
    assert api.post(f"{route}replay/", {"deliveries": []}).status_code == 400
    tested = api.post(f"{route}test/")
    assert (tested.status_code, tested.json()["kind"]) == (201, "test")


def test_only_its_owner_and_superusers_see_a_webhook_and_no_confined_token():
    owner, other = User.objects.create_user("owner"), User.objects.create_user("other")
    rights = Permission.objects.filter(codename__endswith="_webhook")
    for user in (owner, other):
        user.user_permissions.set(rights)
    hook = making.webhook(URL, owner=owner)
    assert with_token("admin", user=owner).get(f"{ROUTE}{hook.pk}/").status_code == 200
    for path in ("", "deliveries/"):
        assert with_token("admin", user=other).get(f"{ROUTE}{hook.pk}/{path}").status_code == 404
    assert with_token("admin", user=other).post(f"{ROUTE}{hook.pk}/test/").status_code == 404
    assert with_token("admin", user=other).get(ROUTE).json()["results"] == []
    confined = with_token("admin", user=owner, subnets=["10.0.0.0/8"])
    assert confined.get(ROUTE).status_code == 403


def test_the_admin_shows_health_and_deliveries_tests_and_repeats(admin_client, admin_user):
    hook = making.webhook(URL, owner=admin_user)
    first = given_up(hook)
    page = f"/admin/events/webhook/{hook.pk}/"
    listed = admin_client.get("/admin/events/webhook/").content.decode()
    assert "failing for" in listed and "state__exact=dead" in listed
    assert "status 500" in admin_client.get(f"{page}change/").content.decode()
    log = admin_client.get("/admin/events/webhookdelivery/?state__exact=dead").content.decode()
    assert "status 500" in log
    assert (
        "status 500"
        in admin_client.get(f"/admin/events/webhookdelivery/{first.pk}/change/").content.decode()
    )
    admin_client.post(f"{page}do/", {"do": "replay"})
    first.refresh_from_db()
    assert first.state == "pending"
    tested = admin_client.post(f"{page}do/", {"do": "test"})
    assert tested.status_code == 302 and "/webhookdelivery/" in tested["Location"]
    secret = admin_client.post(f"{page}do/", {"do": "secret"})
    hook.refresh_from_db()
    assert hook.secrets()[0] in secret.content.decode() and "no-store" in secret["Cache-Control"]


def test_the_admin_s_form_makes_a_webhook_and_names_the_field_that_is_wrong(admin_client):
    values = {"name": "new", "url": "http://10.0.0.1/", "timeout": 5, "enabled": "on"}
    refused = admin_client.post("/admin/events/webhook/add/", values)
    assert "IPMANAGER_WEBHOOK_ALLOW" in refused.content.decode()
    values |= {"url": URL, "kinds": "address.*\nserver.created\n"}
    made = admin_client.post("/admin/events/webhook/add/", values)
    row = Webhook.objects.get()
    assert row.secrets()[0] in made.content.decode()
    assert row.kinds == ["address.*", "server.created"]


def test_another_person_s_webhook_is_no_page(client):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__contains="webhook"))
    client.force_login(staff)
    hook = making.webhook(URL, owner=making.superuser())
    row = given_up(hook)
    assert client.post(f"/admin/events/webhook/{hook.pk}/do/", {"do": "test"}).status_code == 404
    for page in (f"webhook/{hook.pk}", f"webhookdelivery/{row.pk}"):
        assert client.get(f"/admin/events/{page}/change/").status_code == 302
    assert "10.0.0.0" not in client.get("/admin/events/webhookdelivery/").content.decode()


def test_findings_and_metrics_tell_of_a_webhook_that_fails(django_assert_num_queries, settings):
    hook = making.webhook(URL)
    assert list(check()) == []
    given_up(hook)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=2))
    assert "fails since" in next(check()).msg
    with django_assert_num_queries(3):
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in metrics.collect()
            for sample in family.samples
        }
    assert samples["ipmanager_webhook_deliveries", "dead"] == 1
    assert samples["ipmanager_webhook_deliveries", "pending"] == 1
    assert samples["ipmanager_webhook_failing_seconds", "hook"] >= 7200
    User.objects.update(is_active=False)
    assert "no active owner" in next(check()).msg
    settings.SECRET_KEY = "another"
    assert "IPMANAGER_SECRET_KEY" in list(check())[1].msg
