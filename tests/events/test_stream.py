"""Server-Sent Events: what was missed comes first, and rights are checked all the time."""

import json

import pytest

from core import web_process
from events import stream
from events.models import Cursor, Event
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/events/"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A short stream, which looks and checks often."""
    monkeypatch.setattr(stream, "LONGEST", 0.5)
    monkeypatch.setattr(stream, "POLL", 0.01)
    monkeypatch.setattr(stream, "CHECK", 0.05)
    monkeypatch.setattr(stream, "SILENCE", 0.2)


def event(number, **facts):
    given = {"kind": "address.released", "subject_model": "ipam.ipaddress", "subject_id": "1"}
    return Event.objects.create(**given | {"origin": f"test:{number}"} | facts)


def follow(api, last=None, **query):
    headers = {"accept": "text/event-stream"}
    if last is not None:
        headers["last-event-id"] = str(last)
    answer = api.get(URL, query, headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream"
    return answer


def parts(answer):
    """The parts of a stream, without the comments."""
    for chunk in answer.streaming_content:
        for part in chunk.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in part.splitlines() if line[:1] != ":")
            if "event" in fields:
                yield fields


def test_it_begins_at_the_present_and_tells_what_comes():
    event(1)
    chunks = iter(follow(with_token("read")).streaming_content)
    assert next(chunks) == b"retry: 1000\n\n"
    new = event(2, subject="10.0.0.9")
    part = dict(line.split(": ", 1) for line in next(chunks).decode().splitlines() if line)
    assert (part["id"], part["event"]) == (str(new.pk), "address.released")
    assert json.loads(part["data"])["subject"]["name"] == "10.0.0.9"
    assert all(chunk == b": still here\n\n" for chunk in chunks)


def test_after_an_interruption_nothing_is_lost():
    numbers = [event(number).pk for number in range(5)]
    told = parts(follow(with_token("read"), last=numbers[1]))
    assert [int(part["id"]) for part in told] == numbers[2:]


def test_what_was_pruned_is_said():
    first, second, kept = (event(number) for number in range(3))
    Event.objects.exclude(pk=kept.pk).delete()
    Cursor.objects.create(table=stream.PRUNED, position=second.pk)
    told = parts(follow(with_token("read"), last=first.pk))
    reset, after = list(told)
    assert (reset["event"], reset["id"]) == ("reset", str(second.pk))
    assert after["id"] == str(kept.pk)


def test_a_number_that_was_never_given_resets_to_the_present():
    newest = event(1).pk
    told = list(parts(follow(with_token("read"), last=newest + 1000)))
    assert [(part["event"], part["id"]) for part in told] == [("reset", str(newest))]


def test_it_is_filtered_like_the_list():
    first = event(1).pk
    event(2, kind="server.created", subject_model="ipam.server")
    wanted = event(3, kind="address.reserved")
    told = list(parts(follow(with_token("read"), last=first, kind="address")))
    assert [part["id"] for part in told] == [str(wanted.pk)]


def test_silence_is_filled_with_comments_and_has_an_end():
    chunks = list(follow(with_token("read")).streaming_content)
    assert 1 <= chunks.count(b": still here\n\n") <= 5


def test_it_ends_soon_after_its_token_is_revoked(monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 30.0)
    user = staff("ipam.view_ipaddress")
    chunks = iter(follow(with_token("read", user=user)).streaming_content)
    next(chunks)
    user.auth_token_set.all().delete()
    assert list(chunks) == []


def test_it_ends_soon_after_the_right_is_taken(monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 30.0)
    user = staff("ipam.view_ipaddress")
    chunks = iter(follow(with_session(user)).streaming_content)
    next(chunks)
    user.user_permissions.clear()
    assert list(chunks) == []


def test_it_ends_soon_after_the_session_ends(monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 30.0)
    api = with_session(staff("ipam.view_ipaddress"))
    chunks = iter(follow(api).streaming_content)
    next(chunks)
    api.session.flush()
    assert list(chunks) == []


def test_a_confined_token_is_told_of_its_networks_only():
    first = event(0).pk
    event(1, ip_address="10.2.0.1")
    seen = event(2, ip_address="10.1.0.1")
    told = list(parts(follow(with_token("read", subnets=["10.1.0.0/16"]), last=first)))
    assert [part["id"] for part in told] == [str(seen.pk)]


def test_streams_take_the_places_of_those_who_wait_and_give_them_back():
    api = with_token("read")
    answers = [follow(api) for _ in range(web_process.most_waiters())]
    refused = api.get(URL, headers={"accept": "text/event-stream"})
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert refused["Content-Type"] == "application/problem+json"
    for answer in answers:
        list(answer.streaming_content)
    assert web_process.waiting() == 0


@pytest.mark.parametrize("last", ["x", "-1", "9" * 5000, "１"])
def test_a_wrong_last_id_is_named(last):
    headers = {"accept": "text/event-stream", "last-event-id": last.encode().decode("latin-1")}
    answer = with_token("read").get(URL, headers=headers)
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["errors"]
