"""Security events are lines of the log: found by every filter, told in words, seen by right."""

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from django.utils.html import strip_tags

from api.security.models import SecurityEvent
from core.history.origin import acting
from ipam.models import VRF
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
URL, PAGE = "/api/v1/changes/", reverse("changes:log")
TABLE = "ipmanager.securityevent"
Kind = SecurityEvent.Kind


@pytest.fixture
def reader():
    return with_session(staff("ipmanager.view_securityevent", "ipam.view_vrf"))


@pytest.fixture
def events(reader):
    """A login, and a failed one, from two addresses; and a row that was added in between."""
    ann = User.objects.create_user("ann")
    SecurityEvent.objects.all().delete()
    facts = {"source": "web", "change": "login-1", "user_id": ann.pk, "actor": "ann"}
    login = SecurityEvent.objects.create(
        kind=Kind.LOGIN, address="10.0.0.5", subject="ann", **facts
    )
    VRF.objects.create(name="between")
    SecurityEvent.objects.create(
        kind=Kind.LOGIN_FAILED, source="web", address="10.0.0.66", subject="<b>{who}"
    )
    return login


@pytest.fixture
def api(reader, events):
    return reader


def lines(api, **filters):
    answer = api.get(URL, {"page_size": 1000, **filters})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def text_of(client, url=PAGE, **filters):
    content = client.get(url, filters).content.decode()
    return " ".join(strip_tags(content[content.index('<div class="log">') :]).split())


def test_an_event_is_a_line_among_the_others(api, events):
    failed, row, login = lines(api)
    assert [failed["kind"], row["kind"], login["kind"]] == ["login_failed", "created", "login"]
    assert login["id"] == f"{TABLE}:{events.pk}"
    assert (login["user"], login["actor"], login["who"]) == ("ann", "ann", "ann")
    assert (login["source"], login["title"], login["change"]) == ("web", "ann", "login-1")
    assert (login["before"], login["after"]) == (None, None)
    assert {"label": "Address", "before": "", "after": "10.0.0.5"} in login["difference"]
    assert api.get(f"{URL}{login['id']}/").json() == login


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ({"table": TABLE}, ["login_failed", "login"]),
        ({"kind": "login"}, ["login"]),
        ({"kind": "created"}, ["created"]),
        ({"who": "ann"}, ["login"]),
        ({"user": "ann"}, ["login"]),
        ({"source": "web"}, ["login_failed", "login"]),
        ({"change": "login-1"}, ["login"]),
        ({"about": "10.0.0.66"}, ["login_failed"]),
        ({"about": "10.0.0.0/8"}, []),
        ({"q": "10.0.0.5"}, ["login"]),
        ({"q": "{WHO}"}, ["login_failed"]),
        ({"table": TABLE, "until": "2001-01-01"}, []),
    ],
)
def test_each_filter_finds_events(api, filters, kinds):
    assert [line["kind"] for line in lines(api, **filters)] == kinds


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"address": "10.0.0.5"}, "security_events_address"),
        ({"user_id": 5}, "security_events_user"),
    ],
)
def test_an_index_finds_the_events_of_an_address_and_of_a_user(filters, index):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a table without rows is read as a whole
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in SecurityEvent.objects.filter(**filters).order_by("-at").explain()


def test_pages_of_one_line_have_each_line_once(api):
    seen, url = [], f"{URL}?page_size=1"
    while url:
        answer = api.get(url).json()
        seen += [line["kind"] for line in answer["results"]]
        url = answer["next"]
    assert seen == ["login_failed", "created", "login"]


def test_the_exports_have_events(api):
    rows = b"".join(api.get(f"{URL}export/", {"as": "jsonl"})).decode().splitlines()
    assert [json.loads(row)["kind"] for row in rows] == ["login_failed", "created", "login"]
    assert ",login,Event:  → login;" in b"".join(api.get(f"{URL}export/", {"as": "csv"})).decode()


def test_without_the_right_there_is_no_event(events):
    api = with_session(staff("ipam.view_vrf"))
    assert [line["kind"] for line in lines(api)] == ["created"]
    assert lines(api, q="ann") == lines(api, kind="login") == []
    key = f"{TABLE}:{events.pk}"
    assert api.get(f"{URL}{key}/").status_code == 404
    assert api.get(f"{PAGE}line/{key}/").status_code == 404
    assert "Security event" not in text_of(api)


def test_a_confined_token_sees_no_event(events):
    api = with_token("admin", subnets=["10.0.0.0/8"])
    assert lines(api, q="10.0.0.5") == lines(api, table=TABLE) == []
    assert api.get(f"{URL}{TABLE}:{events.pk}/").status_code == 404


def test_the_page_tells_who_logged_in_from_where_and_has_a_filter(api):
    page = text_of(api)
    assert "ann logged in from 10.0.0.5" in page
    assert "Failed login as &lt;b&gt;{who} from 10.0.0.66" in page
    assert 'label="Security events"' in api.get(PAGE).content.decode()
    only = text_of(api, kind="login").rpartition("JSON")[2]
    assert "ann logged in" in only
    assert "between" not in only


def test_what_cannot_be_undone_has_no_undo_link(api, events):
    undo = reverse("admin:changes_undo", args=[events.change])
    content = api.get(PAGE).content.decode()
    assert undo not in content
    assert undo not in api.get(f"{PAGE}login-1/").content.decode()
    assert undo not in api.get(f"{PAGE}line/{TABLE}:{events.pk}/").content.decode()
    assert "/undo/" in content


def test_a_change_of_rows_and_events_is_told_by_its_rows(api):
    with acting("command", "users"):
        vrf = VRF.objects.create(name="red")
        change = vrf.history.latest().history_change
        SecurityEvent.objects.create(kind=Kind.RIGHTS_CHANGED, source="command", change=change)
    assert "added VRF red" in text_of(api, reverse("changes:change", args=[change]))
