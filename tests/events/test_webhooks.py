"""Which events a webhook gets, in which order, and what happens when it does not take them."""

import ipaddress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.utils import timezone

from events.delivery.lease import Lease
from events.delivery.models import DeliveryCursor
from events.delivery.worker import Deliver, has_work
from events.models import Event, Webhook, WebhookDelivery
from events.webhooks import fan_out, post, queue, signature
from events.webhooks.queue import Outcome
from tests.events import making
from tests.events.receiver import receiver

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings):
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1")]


def states(hook):
    rows = WebhookDelivery.objects.filter(webhook=hook).order_by("event_id")
    return [(row.state, row.next_at is not None) for row in rows]


def end(delivery, ok=True, **values):
    values = {"at": timezone.now(), "error": "" if ok else "status 500", **values}
    queue.finish([Outcome(delivery.pk, delivery.webhook_id, ok, **values)])


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, {1, 2, 3, 4}),
        ({"kinds": ["address.*"]}, {1, 2, 4}),
        ({"kinds": ["address.freed", "server.added"]}, {2, 3}),
        ({"kinds": ["address.*"], "subnets": ["10.1.0.0/16"]}, {1}),
        ({"subnets": ["10.0.0.0/8", "2001:db8::/32"]}, {1, 2}),
        ({"site": "berlin"}, {2}),
        ({"kinds": ["*"], "subnets": ["192.0.2.0/24"]}, set()),
    ],
)
def test_a_webhook_is_told_what_its_subscription_names(chosen, told):
    making.webhook(URL, **chosen)
    Event.objects.bulk_create(
        [
            making.event(1, ip_address="10.1.2.3"),
            making.event(2, kind="address.freed", ip_address="10.2.2.3", site="berlin"),
            making.event(3, kind="server.added"),
            making.event(4, vrf_id=7, ip_address="10.1.2.3"),
        ]
    )
    fan_out.fan_out()
    found = WebhookDelivery.objects.values_list("event__subject_id", flat=True)
    assert set(map(int, found)) == told


def test_a_webhook_is_told_only_what_its_owner_may_see_at_that_time():
    reader = User.objects.create_user("reader")
    making.webhook(URL, owner=reader)
    making.events(1)
    fan_out.fan_out()
    assert not WebhookDelivery.objects.exists()
    reader.user_permissions.add(Permission.objects.get(codename="view_ipaddress"))
    making.events(2, subjects=1)
    fan_out.fan_out()
    assert WebhookDelivery.objects.count() == 2
    reader.user_permissions.clear()
    worker = Deliver()
    worker.work()
    worker.webhooks.wait(5)
    worker.work()
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) <= {"dead", "pending"}
    assert "may not view" in WebhookDelivery.objects.filter(state="dead").first().error
    worker.finish()


def test_a_webhook_without_an_active_owner_sends_nothing_and_goes_on_when_there_is_one():
    owner = making.superuser("leaver")
    with receiver() as one:
        hook = making.webhook(one.url, owner=owner)
        making.events(1)
        fan_out.fan_out()
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert not has_work()
        hook.refresh_from_db()
        assert hook.is_paused
        User.objects.filter(pk=owner.pk).update(is_active=True)
        assert has_work()


def test_of_one_subject_only_the_first_event_is_due():
    hook = making.webhook(URL)
    making.events(4, subjects=2)
    fan_out.fan_out()
    waits, goes = ("pending", False), ("pending", True)
    assert states(hook) == [goes, goes, waits, waits]
    first = WebhookDelivery.objects.earliest("event_id")
    end(first, ok=False)
    assert states(hook) == [goes, goes, waits, waits]
    end(first)
    assert states(hook) == [("delivered", False), goes, goes, waits]
    making.events(2, subjects=2)
    fan_out.fan_out()
    assert states(hook)[4:] == [waits, waits]


def test_an_event_is_handed_out_once_however_often_the_cursor_is_set_back():
    hook = making.webhook(URL)
    making.events(3)
    fan_out.fan_out()
    DeliveryCursor.objects.update(position=0)
    fan_out.fan_out()
    assert len(states(hook)) == 3


def test_pauses_double_up_to_an_hour_and_heed_the_receiver():
    seconds = [queue.pause_after(number).total_seconds() for number in range(1, 30)]
    for number, pause in enumerate(seconds):
        longest = min(2**number, 3600)
        assert 0.75 * longest <= pause <= longest
    assert queue.pause_after(1, retry_after=90).total_seconds() == 90
    assert queue.pause_after(1, retry_after=10**9).total_seconds() == 3600


def test_after_three_days_a_delivery_is_given_up_and_the_next_one_goes():
    hook = making.webhook(URL)
    making.events(2, subjects=1)
    fan_out.fan_out()
    first = WebhookDelivery.objects.earliest("event_id")
    end(first, ok=False, at=timezone.now() - timedelta(days=3))
    assert states(hook) == [("pending", True), ("pending", False)]
    end(first, ok=False)
    assert states(hook) == [("dead", False), ("pending", True)]


def test_what_was_given_up_is_sent_again_before_later_events_of_its_subject():
    hook = making.webhook(URL)
    making.events(3, subjects=1)
    fan_out.fan_out()
    first = WebhookDelivery.objects.earliest("event_id")
    end(first, ok=False, final=True)
    assert states(hook) == [("dead", False), ("pending", True), ("pending", False)]
    assert queue.replay(WebhookDelivery.objects.filter(webhook=hook, state="dead")) == 1
    assert states(hook) == [("pending", True), ("pending", False), ("pending", False)]
    end(first)
    assert states(hook) == [("delivered", False), ("pending", True), ("pending", False)]


def test_failures_and_successes_are_noted_without_a_line_of_history(django_assert_num_queries):
    hook = making.webhook(URL)
    making.events(2)
    fan_out.fan_out()
    first, second = WebhookDelivery.objects.order_by("event_id")
    lines = Webhook.history.count()
    end(first, ok=False)
    hook.refresh_from_db()
    since = hook.failing_since
    assert since and hook.last_error == "status 500"
    end(second, ok=False)
    hook.refresh_from_db()
    assert hook.failing_since == since
    end(second)
    hook.refresh_from_db()
    assert (hook.failing_since, hook.last_error, hook.delivered) == (None, "", 1)
    assert Webhook.history.count() == lines


def test_a_test_event_goes_to_its_webhook_alone_and_is_sent_by_the_worker():
    with receiver() as one:
        hook, other = making.webhook(one.url), making.webhook(URL, name="other")
        row = queue.add_test(hook, "root")
        worker = Deliver()
        worker.work()
        worker.webhooks.wait(10)
        worker.work()
        row.refresh_from_db()
        assert (row.state, row.status_code, row.attempts) == ("delivered", 204, 1)
        assert [got.id for got in one.got] == [str(row.event_id)]
        assert b'"kind":"test"' in one.got[0].body
        assert not WebhookDelivery.objects.filter(webhook=other).exists()
        worker.finish()


def test_no_secret_is_in_what_the_database_keeps():
    with receiver() as one:
        hook = making.webhook(one.url)
        secret = hook.secrets()[0]
        queue.add_test(hook, "root")
        worker = Deliver()
        worker.work()
        worker.webhooks.wait(10)
        worker.work()
        worker.finish()
        kept = WebhookDelivery.objects.values().get()
        assert kept["request_headers"]["IPManager-Event-Id"]
        assert "IPManager-Signature" not in kept["request_headers"]
        for rows in (Webhook.objects.values(), Webhook.history.values(), [kept]):
            assert secret.removeprefix(signature.PREFIX) not in str(list(rows))
        assert not {"salt", "former_salt"} & {
            field.name for field in Webhook.history.model._meta.fields
        }


def test_after_a_rotation_both_secrets_sign_for_a_day():
    hook = making.webhook(URL)
    former = hook.secrets()
    new = hook.set_secret()
    hook.save()
    hook.refresh_from_db()
    assert hook.secrets() == [new, *former]
    assert signature.signature(b"x", 1, hook.secrets()).count("v1=") == 2
    Webhook.objects.update(former_until=timezone.now())
    hook.refresh_from_db()
    assert hook.secrets() == [new]


def test_another_secret_key_is_noticed(settings):
    hook = making.webhook(URL)
    assert hook.has_its_secret
    settings.SECRET_KEY = "another"
    assert not hook.has_its_secret


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kinds", ["Address"]),
        ("kinds", ["address."]),
        ("kinds", "address.*"),
        ("kinds", [1]),
        ("subnets", ["10.0.0.1/8"]),
        ("subnets", ["x"]),
        ("subnets", {"a": 1}),
        ("url", "ftp://127.0.0.1/"),
        ("ca", "not PEM"),
        ("timeout", 0),
        ("timeout", 11),
    ],
)
def test_bad_values_name_their_field(field, value):
    values = {"url": URL, "owner": making.superuser(), "name": "bad", field: value}
    with pytest.raises(ValidationError) as refused:
        Webhook(**values).save()
    assert list(refused.value.message_dict) == [field]


def test_one_process_delivers_and_another_takes_over_when_it_ends(tmp_path):
    DeliveryCursor.objects.create(name="webhooks")
    first = Lease("webhooks", node="a", lock=tmp_path / "a")
    same_node = Lease("webhooks", node="a", lock=tmp_path / "a")
    other_node = Lease("webhooks", node="b", lock=tmp_path / "b")
    assert first.take() and first.take()
    assert not same_node.take() and not other_node.take()
    DeliveryCursor.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    assert other_node.take()
    other_node.give_back()
    first.give_back()
    assert same_node.take()
    same_node.give_back()


def test_idle_costs_one_query_a_round(django_assert_num_queries):
    making.webhook(URL)
    worker = Deliver()
    worker.work()
    with django_assert_num_queries(1):
        worker.work()
    assert worker.pause() == 1.0


def test_the_number_of_queries_does_not_grow_with_the_events(django_assert_max_num_queries):
    for number in range(3):
        making.webhook(URL, name=f"hook {number}")
    making.events(20)
    with django_assert_max_num_queries(12):
        fan_out.fan_out()
    rows = WebhookDelivery.objects.filter(next_at__isnull=False)
    outcomes = [Outcome(row.pk, row.webhook_id, True, timezone.now()) for row in rows]
    with django_assert_max_num_queries(9):
        queue.finish(outcomes)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *[("7", 7), ("", 0), (None, 0), ("-1", 0), ("soon", 0)],
        ("Mon, 30 Nov 2026 12:00:10 GMT", 10),
        ("Mon, 30 Nov 99999999999999999999 12:00:10 GMT", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    from datetime import UTC, datetime

    assert post.retry_after(value, datetime(2026, 11, 30, 12, tzinfo=UTC)) == seconds
