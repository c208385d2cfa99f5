"""Mail about events: to whom, when, in which words, and by a server that is away for a while."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from core import env
from events.delivery.worker import Deliver
from events.mail import compose, health_checks
from events.mail.models import Mail, MailItem, MailPreference
from events.models import Event
from events.webhooks import fan_out
from tests.events import making
from tests.events.smtp_sink import SmtpSink
from tests.support.api import with_session, with_token

pytestmark = pytest.mark.django_db
AWAY = 60 if os.environ.get("IPMANAGER_TEST_PROOF") else 1


@pytest.fixture
def sink(settings, monkeypatch, tmp_path):
    made = SmtpSink()
    monkeypatch.setenv("IPMANAGER_EMAIL_URL", f"smtp://127.0.0.1:{made.port}")
    settings.MAIL_SERVER = env.mail_server("IPMANAGER_EMAIL_URL")
    settings.DATA_DIR = tmp_path
    return made


def reader(name="reader", **values):
    user = User.objects.create_user(name, email=f"{name}@example.org")
    user.user_permissions.add(Permission.objects.get(codename="view_ipaddress"))
    return MailPreference.objects.create(user=user, **values)


def let_time_pass():
    MailPreference.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    Mail.objects.update(next_at=timezone.now())


def work(worker, until, seconds=15):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, list(Mail.objects.values())
        worker.work()
        time.sleep(0.02)


def state_is(state):
    return lambda: set(Mail.objects.values_list("state", flat=True)) == {state}


def test_many_events_are_one_mail_of_what_its_reader_may_see(sink):
    reader(kinds=["address.*", "server.*"])
    making.events(500)
    Event.objects.bulk_create([making.event(9, kind="server.created")])
    fan_out.fan_out()
    fan_out.fan_out()
    assert compose.compose_due() == 0
    let_time_pass()
    with sink:
        worker = Deliver()
        work(worker, state_is("sent"))
        worker.finish()
    (mail,) = sink.mails
    assert mail["Subject"] == "[IPManager] 500 events"
    assert mail["To"] == "reader@example.org"
    assert mail.get_content().count("Address allocated: 10.0.0.") == 500
    assert "/admin/events/mailpreference/mine/" in mail.get_content()
    assert not MailItem.objects.exists()


def test_while_the_server_is_away_nothing_is_lost_and_the_message_id_stays(sink):
    reader()
    making.events(3)
    fan_out.fan_out()
    let_time_pass()
    worker = Deliver()
    worker.work()
    end = time.monotonic() + AWAY
    while time.monotonic() < end or not Mail.objects.get().attempts:
        worker.work()
        time.sleep(0.1)
    waiting = Mail.objects.get()
    assert waiting.state == "pending" and "refused" in waiting.error
    sink.dies_in_data = 1
    with sink:
        let_time_pass()
        work(worker, lambda: len(sink.mails) == 1)
        work(worker, lambda: Mail.objects.get().attempts > waiting.attempts)
        let_time_pass()
        work(worker, state_is("sent"))
    worker.finish()
    first, second = sink.mails
    assert first["Message-ID"] == second["Message-ID"] == waiting.message_id


def test_a_refused_mail_is_tried_again_and_the_others_go(sink):
    reader()
    making.events(1)
    fan_out.fan_out()
    let_time_pass()
    sink.refuse = "451 try later"
    with sink:
        worker = Deliver()
        work(worker, lambda: Mail.objects.filter(error__contains="try later").exists())
        sink.refuse = ""
        let_time_pass()
        work(worker, state_is("sent"))
        worker.finish()
    assert len(sink.mails) == 1


def test_after_three_days_a_mail_is_given_up(sink):
    row = reader()
    mail = compose.add_test(row)
    Mail.objects.update(created_at=timezone.now() - timedelta(days=3))
    worker = Deliver()
    work(worker, state_is("dead"))
    worker.finish()
    mail.refresh_from_db()
    assert mail.error


def test_a_digest_comes_at_its_hour(sink, settings):
    row = reader(frequency="daily", hour=7)
    early, late = (datetime(2026, 11, 30, hour, 30, tzinfo=UTC) for hour in (6, 7))
    assert row.next_due(early) == datetime(2026, 11, 30, 7, tzinfo=UTC)
    assert row.next_due(late) == datetime(2026, 12, 1, 7, tzinfo=UTC)
    making.events(2)
    fan_out.fan_out()
    row.refresh_from_db()
    first = row.due_at
    assert first > timezone.now()
    making.events(2)
    fan_out.fan_out()
    row.refresh_from_db()
    assert row.due_at == first and MailItem.objects.count() == 4


def test_rights_that_are_gone_when_the_mail_is_made_count(sink):
    row = reader()
    making.events(2)
    fan_out.fan_out()
    row.user.user_permissions.clear()
    let_time_pass()
    compose.compose_due()
    assert not Mail.objects.exists() and not MailItem.objects.exists()


def test_no_header_can_be_injected_by_the_name_of_a_row(sink):
    reader()
    nasty = making.event(1)
    nasty.subject = "x\r\nBcc: victim@example.org\r\n\r\nforged"
    Event.objects.bulk_create([nasty])
    fan_out.fan_out()
    let_time_pass()
    with sink:
        worker = Deliver()
        work(worker, state_is("sent"))
        worker.finish()
    (mail,) = sink.mails
    assert mail["Bcc"] is None and "Bcc" in mail["Subject"]
    assert "\nBcc" not in mail.get_content()


def test_a_mail_speaks_the_language_of_its_reader(sink):
    row = reader(language="de")
    making.events(2)
    fan_out.fan_out()
    let_time_pass()
    compose.compose_due()
    mail = Mail.objects.get()
    assert mail.user == row.user and mail.recipient == "reader@example.org"


def test_without_a_mail_server_nothing_waits(settings):
    settings.MAIL_SERVER = {}
    reader()
    making.events(2)
    fan_out.fan_out()
    assert not MailItem.objects.exists()


def test_a_mail_that_waits_for_long_is_a_finding(sink):
    compose.add_test(reader())
    assert list(health_checks.mail()) == []
    Mail.objects.update(created_at=timezone.now() - timedelta(hours=1), error="refused")
    assert "refused" in next(health_checks.mail()).msg


def test_preferences_are_a_page_of_one_s_own_account(client, sink):
    user = User.objects.create_user("staff", email="staff@example.org", is_staff=True)
    client.force_login(user)
    page = "/admin/events/mailpreference/mine/"
    assert "staff@example.org" in client.get(page).content.decode()
    values = {"enabled": "on", "frequency": "daily", "hour": 8, "kinds": "address.*", "do": "test"}
    assert client.post(page, values).status_code == 302
    row = MailPreference.objects.get()
    assert (row.user, row.kinds, row.hour) == (user, ["address.*"], 8)
    assert Mail.objects.get().recipient == "staff@example.org"
    wrong = client.post(page, values | {"kinds": "Wrong Kind", "hour": 24}).content.decode()
    assert "Wrong Kind" in wrong and "23" in wrong
    assert client.get("/admin/events/mailpreference/").status_code == 403


def test_preferences_are_changed_over_the_api():
    user = User.objects.create_user("staff", email="staff@example.org", is_staff=True)
    api, url = with_session(user), "/api/v1/mail-preference/"
    assert api.get(url).json()["enabled"] is False
    wanted = {"enabled": True, "frequency": "daily", "hour": 8, "kinds": ["address.*"]}
    changed = api.patch(url, wanted, format="json")
    assert changed.status_code == 200, changed.content
    assert changed.json() == api.get(url).json()
    assert changed.json()["address"] == "staff@example.org"
    row = MailPreference.objects.get()
    assert (row.user, row.kinds, row.hour) == (user, ["address.*"], 8)
    api.patch(url, {"site": "berlin"}, format="json")
    assert MailPreference.objects.get().kinds == ["address.*"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"hour": 24}, "hour"),
        ({"kinds": ["Wrong Kind"]}, "kinds"),
        ({"subnets": ["10.0.0.0/33"]}, "subnets"),
        ({"colour": "red"}, "colour"),
        ({"address": "other@example.org"}, "address"),
    ],
)
def test_a_wrong_preference_is_named(body, field):
    api = with_session(User.objects.create_user("staff", is_staff=True))
    answer = api.patch("/api/v1/mail-preference/", body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not MailPreference.objects.exists()


def test_a_token_needs_its_scope_and_no_confinement_for_preferences():
    url = "/api/v1/mail-preference/"
    reads, changes = with_token("read"), with_token("admin")
    assert (reads.get(url).status_code, reads.patch(url, {}).status_code) == (200, 403)
    assert changes.patch(url, {"hour": 9}, format="json").json()["hour"] == 9
    confined = with_token("admin", subnets=["10.0.0.0/8"])
    assert (confined.get(url).status_code, confined.patch(url, {}).status_code) == (403, 403)
    assert with_token("allocate").get(url).status_code == 403


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp+x://h", "h:25"])
def test_a_bad_url_stops_the_start_and_shows_no_password(monkeypatch, url):
    monkeypatch.setenv("IPMANAGER_EMAIL_URL", url)
    with pytest.raises(ImproperlyConfigured, match="IPMANAGER_EMAIL_URL"):
        env.mail_server("IPMANAGER_EMAIL_URL")


def test_the_url_says_how_the_connection_is_encrypted(monkeypatch):
    monkeypatch.setenv("IPMANAGER_EMAIL_URL", "smtp+tls://me:p%40ss@mail.example.org:587")
    found = env.mail_server("IPMANAGER_EMAIL_URL")
    assert found["EMAIL_HOST"] == "mail.example.org" and found["EMAIL_USE_TLS"]
    assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_PORT"]) == ("p@ss", 587)
