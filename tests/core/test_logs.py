"""Log lines: one event, one line; no secret, whoever writes it; the request they belong to."""

import json
import logging
import sys
from ipaddress import ip_network

import pytest
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st

from api import problems
from core import logs
from tests.support.api import with_token

SECRETS = {
    "a token": "ipm_0123456789abcdef0123456789abcdef",
    "a header": "Authorization: Bearer CANARY.of+a/token=",
    "a database": "postgres://ipadmin:CANARY@db.example.org/ipam",
    "an answer file": "GET /boot/answers/CANARY-of_a.permit/user-data 200",
    "a call back": "POST http://ipam/boot/done/CANARY",
    "a form": "username=admin&password=CANARY&next=/",
    "a body": '{"name": "x", "token": "CANARY-1"}',
    "a body in a repr": "{'password': 'CANARY'}",
    "a cookie": "Cookie: sessionid=CANARYCANARY; csrftoken=CANARY2",
}


def line(message, *values, formatter=None, **extra):
    record = logging.makeLogRecord(
        {"msg": message, "args": values, "levelname": "INFO", "name": "x", **extra}
    )
    return (formatter or logs.TextFormatter("{levelname} {message}", style="{")).format(record)


@pytest.mark.parametrize("formatter", [None, logs.JsonFormatter()])
@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_secret_is_hidden(text, formatter):
    for logged in (line(text, formatter=formatter), line("seen: %s", text, formatter=formatter)):
        assert "CANARY" not in logged
        assert "0123456789abcdef" not in logged
        assert logs.HIDDEN in logged


@pytest.mark.parametrize("name", ["SECRET_KEY", "ADMIN_PASSWORD", "BOOTSTRAP_TOKEN"])
def test_our_own_secrets_are_hidden_wherever_they_stand(settings, name):
    setattr(settings, name, "our own secret")
    try:
        raise ValueError("here: our own secret!")
    except ValueError:
        failed = sys.exc_info()
    for formatter in (None, logs.JsonFormatter()):
        logged = line(
            "and our own secret", formatter=formatter, exc_info=failed, extra="our own secret"
        )
        assert "our own" not in logged
        assert "ValueError" in logged


@pytest.mark.parametrize(
    "text", ["generation 7: 3 reservations", "10.0.0.1 02:00:00:00:00:01", "no token was sent"]
)
def test_other_words_stay(text):
    assert line(text) == f"INFO {text}"


@given(st.text())
def test_one_event_is_one_line_whatever_it_says(text):
    assert len(line("%s", text).split("\n")) == 1
    logged = line("%s", text, formatter=logs.JsonFormatter(), path=text)
    assert len(logged.splitlines()) == 1
    assert json.loads(logged)["level"] == "INFO"


def test_a_request_is_told_with_its_id_route_and_caller(db, caplog):
    caplog.set_level(logging.INFO, "ipmanager.requests")
    response = with_token("read").get("/api/v1/subnets/?fields=network")
    (record,) = [record for record in caplog.records if record.name == "ipmanager.requests"]
    logged = json.loads(logs.JsonFormatter().format(record))
    assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/api/v1/subnets/", 200)
    assert (logged["route"], logged["client"], logged["user"]) == (
        "/api/v1/subnets/",
        "127.0.0.1",
        "user-0",
    )
    assert len(response["X-Request-ID"]) == 32


def test_the_id_is_a_trusted_proxys_or_ours(client, settings):
    asked = {"x-request-id": "from-the-proxy"}
    assert client.get("/healthz", headers=asked)["X-Request-ID"] != "from-the-proxy"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    assert client.get("/healthz", headers=asked)["X-Request-ID"] == "from-the-proxy"
    for odd in ("short", "x" * 65, "a b c d e f", "ünïcödé-id"):
        assert client.get("/healthz", headers={"x-request-id": odd})["X-Request-ID"] != odd


LIBPQ = (
    """connection to server at "10.0.0.1", port 5432 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
Multiple connection attempts failed. All failures were:
"""
    + "- host: 'x'\n" * 50
)


def test_a_database_that_is_away_is_reported_in_one_short_line(client, monkeypatch, caplog):
    """For a hundred refused requests, of pages and of the API."""
    monkeypatch.setattr(logs, "database_away", logs.DatabaseAway())
    monkeypatch.setattr(problems, "database_away", logs.database_away)

    def away(*_):
        raise OperationalError(LIBPQ)

    monkeypatch.setattr(connection, "ensure_connection", away)
    monkeypatch.setattr(connection, "cursor", away)
    client.cookies["sessionid"] = "x"
    client.raise_request_exception = False
    token = {"authorization": f"Bearer ipm_{'a' * 64}"}
    for _ in range(50):
        assert client.get("/boot.ipxe?mac=02:00:00:00:00:01").status_code == 503
        assert client.get("/api/v1/subnets/", headers=token).status_code == 503
    (line,) = [record.getMessage() for record in caplog.records]
    assert "(1 requests refused): connection to server" in line and len(line) < 300
