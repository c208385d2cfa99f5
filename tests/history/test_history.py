"""Many clients at once, kill -9 now and then, and afterwards every call is held against all the
others.

The long form is what makes the proof: 50,000 calls of 32 clients, 20 kills of web processes and of
PostgreSQL; on SQLite, where one writes at a time, a tenth of the calls."""

import itertools
import os
import random
import secrets
import time
from collections import Counter

import pytest

from tests.history.checks import faults
from tests.history.clients import play
from tests.history.playground import PAGES, Playground
from tests.support import template
from tests.support.by_hand import POSTGRESQL, only
from tests.support.site import site

pytestmark = [pytest.mark.each, pytest.mark.whole("sqlite")]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
CALLS, CLIENTS, KILLS = (50_000 if POSTGRESQL else 5_000, 32, 20) if LONG else (300, 8, 2)
POOL, IDS = ("10.9.0.0/25", 150) if LONG else ("10.9.0.0/27", 40)
KILLED = ["web process", "postgresql"] if POSTGRESQL else ["web process"]  # SQLite has no server


@pytest.fixture(scope="module")
def played(tmp_path_factory, django_db_blocker):
    """A site that answers, on a database of its own."""
    home, token = tmp_path_factory.mktemp("history"), secrets.token_hex(20)
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with template.own_server(home, django_db_blocker) as server:
        environment |= {
            "DATABASE_URL": server.url if server else f"sqlite:///{home}/db.sqlite3",
            "IPMANAGER_DATA_DIR": str(home / "data"),
            "IPMANAGER_BOOTSTRAP_TOKEN": token,
            "IPMANAGER_POOL_NETWORK": POOL,
        }
        with site(environment, home / "site") as running:
            yield Playground(running, server, home / "db.sqlite3", token)


def test_every_call_is_explained_by_an_order_of_all_calls(played, capsys):
    ground, began = played.ground(IDS), time.monotonic()
    part = CALLS * 8 // 10 // KILLS  # one kill somewhere in each
    due = [CALLS // 10 + part * number + random.randrange(part) for number in range(KILLS)]
    kinds = itertools.cycle(KILLED)
    for number in play(ground, CLIENTS, CALLS, due):
        if due and number >= due[0]:
            due.pop(0)
            played.kill(next(kinds))
    took = time.monotonic() - began
    history = played.history(ground)

    assert faults(history) == {}
    assert len(history.windows) == KILLS
    if LONG:
        with capsys.disabled():
            print(f"\n{figures(history, took)}")


def figures(history, took):
    """What happened, for those who read along."""
    told = Counter(f"{call.verb} {call.answer}" for call in history.calls)
    dead = sum(window.end - window.start for window in history.windows)
    return (
        f"{len(history.calls)} calls in {took:.0f} s, {len(history.windows)} kills, {dead:.1f} "
        f"s of windows, "
        f"{sum(call.replayed for call in history.calls)} answered by their key, "
        f"{len(history.lines)} lines of history\n"
        + ", ".join(f"{name} {number}" for name, number in sorted(told.items()))
    )


@only(POSTGRESQL)
def test_while_the_database_is_away_every_answer_says_try_later(played):
    played.server.kill()
    away = {path: played.get(path) for path in PAGES * 2}
    played.server.start()

    assert {path: status for path, (status, _headers, _body) in away.items()} == dict.fromkeys(
        PAGES, 503
    )
    assert {
        path for path, (_status, headers, _body) in away.items() if "Retry-After" not in headers
    } == set()
    _status, headers, body = away["/api/v1/subnets/"]
    assert headers["Content-Type"] == "application/problem+json"
    assert all("The database does not answer" in text for text in (body, away["/ipam/"][2]))
    assert played.answers()
