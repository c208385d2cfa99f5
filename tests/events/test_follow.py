"""`ipmanager events`: the newest events, and those that come, from the last that was seen."""

import json

import pytest

from api.models import Token
from client import ApiError, Ledger, cli, event_stream
from events import stream
from events.models import Event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.whole]


@pytest.fixture
def ledger(live_server, admin_user, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 0.4)
    monkeypatch.setattr(stream, "POLL", 0.05)
    token = Token.objects.create(admin_user, name="cli", scopes=["read"])[1]
    monkeypatch.setenv("IPMANAGER_URL", live_server.url)
    monkeypatch.setenv("IPMANAGER_TOKEN", token)
    return Ledger(live_server.url, token, timeout=30)


def event(number):
    facts = {"kind": "server.created", "subject_model": "ipam.server", "subject_id": "1"}
    return Event.objects.create(subject=f"web-{number}", origin=f"test:{number}", **facts)


def test_events_are_followed_through_the_ends_of_streams(ledger):
    first = event(1)
    follower = event_stream.Follower(ledger, {"kind": ["server"]}, last=0)
    told = iter(follower)
    assert next(told)["id"] == first.pk
    second = event(2)
    assert next(told)["id"] == second.pk
    assert follower.last == second.pk
    told.close()
    third = event(3)
    again = iter(event_stream.Follower(ledger, {}, last=second.pk))
    assert next(again)["id"] == third.pk
    again.close()


def test_the_command_prints_the_oldest_first(ledger, capsys):
    event(1)
    event(2)
    assert cli.main(["events", "--kind", "server"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["web-1", "web-2"]
    assert cli.main(["events", "--limit", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["subject"]["name"] == "web-2"


def test_a_refusal_ends_it(ledger):
    with pytest.raises(ApiError, match="kind"):
        next(iter(event_stream.Follower(ledger, {"kind": ["nonsense"]})))
