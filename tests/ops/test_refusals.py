"""Refused requests leave a line in every kind of log, and a flood of them a bounded number."""

import logging

import pytest

from ops import traffic
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(client, monkeypatch):
    client.get("/healthz")  # the first request configures logging anew
    monkeypatch.setattr(traffic, "refusals", traffic.Refusals())


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "ipmanager.refused"]


def test_an_unknown_token_leaves_a_line_without_the_token(client, caplog):
    client.get("/api/v1/servers/", headers={"authorization": "Bearer ipm_0123456789"})
    assert lines(caplog) == ["refused: 401 GET /api/v1/servers/ from 127.0.0.1 (unknown token)"]
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_missing_right_leaves_a_line_that_names_the_user(caplog):
    user = staff()
    with_token("read", user=user).post("/api/v1/servers/", {})
    with_session(user).get("/ipam/")
    assert [line.startswith("refused: 403") and str(user) in line for line in lines(caplog)] == [
        True,
        True,
    ]


def test_a_flood_leaves_a_bounded_number_of_lines_and_the_count_of_the_others(
    client, caplog, monkeypatch
):
    for _ in range(traffic.MOST_REFUSALS + 30):
        client.get("/api/v1/servers/")
    assert len(lines(caplog)) == traffic.MOST_REFUSALS
    monkeypatch.setattr(traffic, "REFUSALS_PER", 0)
    client.get("/api/v1/servers/")
    assert lines(caplog)[-2] == "30 more requests were refused"
