"""Old events go, unread lines stay, and it is told when the collector is late."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from events import metrics, stream
from events.collect.collector import Collector
from events.collect.lag import lag
from events.delivery.models import DeliveryCursor
from events.health_checks import events_are_told
from events.models import Event
from ipam.models import VRF
from ops.prune import prune
from tests.events.rounds import settle
from tests.ipam.factories import VRFFactory
from tests.support.api import staff, with_session

pytestmark = pytest.mark.django_db
OLD = timezone.now() - timedelta(days=4000)


def event(number, **facts):
    given = {"kind": "server.created", "subject_model": "ipam.server", "subject_id": "1"}
    return Event.objects.create(**given | {"origin": f"test:{number}"} | facts)


@pytest.fixture
def collector():
    collector = Collector()
    collector.round()
    return collector


def test_old_events_are_deleted_and_the_stream_knows(settings):
    gone, kept = event(1, at=OLD), event(2)
    assert prune(dry_run=True)["events"] == 1
    assert prune()["events"] == 1
    assert list(Event.objects.all()) == [kept]
    assert stream.pruned_until() == gone.pk


def test_an_event_that_was_not_handed_on_stays():
    event(1, at=OLD)
    event(2)
    DeliveryCursor.objects.create(name="webhooks", position=0)
    assert "events" not in prune()


def test_lines_that_the_collector_has_not_read_stay(collector):
    row = VRFFactory(name="red")
    for name in ("amber", "green"):
        row.name = name
        row.save()
    VRF.history.update(history_date=OLD)
    prune()
    assert VRF.history.count() == 3
    settle(collector)
    prune()
    assert VRF.history.count() == 1


def test_a_late_collector_is_measured_and_found(collector):
    assert lag() == 0
    VRFFactory(name="red")
    VRF.history.update(history_date=timezone.now() - timedelta(seconds=90))
    assert 85 < lag() < 120
    assert [found.level for found in events_are_told()] == [30]
    collector.round()
    assert lag() == 0
    assert not list(events_are_told())


def test_events_are_counted_by_kind(collector):
    for name in ("red", "green"):
        VRFFactory(name=name)
        collector.round()
    made = next(iter(metrics.collect()))
    values = {sample.labels["kind"]: sample.value for sample in made.samples}
    assert values["record.created"] == 2


def test_the_list_shows_what_the_user_may_see():
    event(1, subject="web-1", data={"hostname": "web-1"})
    secret = event(2, kind="token.expires_soon", subject_model="ipmanager.token", subject="a-token")
    user = staff("ipam.view_server", "events.view_event")
    client = with_session(user)
    page = client.get("/admin/events/event/").content.decode()
    assert "web-1" in page and "a-token" not in page
    assert client.get(f"/admin/events/event/{secret.pk}/change/").status_code == 302
    shown = Event.objects.get(subject="web-1")
    page = client.get(f"/admin/events/event/{shown.pk}/change/").content.decode()
    assert "&quot;hostname&quot;: &quot;web-1&quot;" in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [("web", True), ("10.0.0.5", True), ("10.0.0.0/24", True), ("berlin", True), ("10.1", False)],
)
def test_the_list_is_searched(query, is_found):
    event(1, subject="web-1", ip_address="10.0.0.5", site="berlin")
    client = with_session(staff("ipam.view_server", "events.view_event"))
    page = client.get("/admin/events/event/", {"q": query}).content.decode()
    assert ("web-1" in page) == is_found


def test_the_list_is_filtered_by_kind():
    event(1, subject="web-1")
    client = with_session(staff("ipam.view_server", "events.view_event"))
    for kind, is_found in (("server.created", True), ("server.deleted", False)):
        page = client.get("/admin/events/event/", {"kind": kind}).content.decode()
        assert ("web-1" in page) == is_found


def test_operators_see_events_and_neither_webhooks_nor_mails(client, collector):
    VRFFactory(name="red")
    collector.round()
    user = User.objects.create_user("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    client.force_login(user)
    page = client.get("/admin/events/event/")
    assert page.status_code == 200 and "red" in page.content.decode()
    for model in ("webhook", "webhookdelivery", "mailpreference"):
        assert client.get(f"/admin/events/{model}/").status_code == 403, model
