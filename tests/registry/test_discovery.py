"""How services learn of each other over HTTP: what a service needs, what changes, files for other
programs."""

import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from core import web_process as places
from registry.discovery import wait
from registry.export import FORMATS
from registry.models import Service
from tests.registry.factories import ServiceFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
API = "/api/v1/ipmanager"


# --- what a service needs -------------------------------------------------------------------------


def test_an_endpoint_tells_what_the_service_needs_in_the_order_of_starting(registry):
    registry.register("db", service_type="database")
    registry.register("billing", service_type="api", dependencies=["db", "ghost"])
    registry.register("shop", service_type="web", dependencies=["billing"])
    assert registry.get("endpoint/shop", dependencies=1) == (
        200,
        {
            "endpoint": "http://127.0.0.1:3002",
            "exists": True,
            "dependencies": [
                {"service_id": "db", "endpoint": "http://127.0.0.1:5002", "status": "active"},
                {"service_id": "billing", "endpoint": "http://127.0.0.1:8000", "status": "active"},
            ],
            "missing": ["ghost"],
        },
    )


def test_services_that_need_each_other_are_refused_with_the_circle(registry):
    registry.register("a", dependencies=["b"])
    registry.register("b", dependencies=["a"])
    status, problem = registry.get("endpoint/a", dependencies=1)
    assert (status, "a → b → a" in problem["detail"]) == (409, True)


# --- changes --------------------------------------------------------------------------------------


def test_changes_tell_the_services_and_a_cursor_for_the_next_time(registry):
    registry.register("billing", service_type="api", dependencies=["db"])
    status, first = registry.get("changes")
    assert (status, first["changed"]) == (200, True)
    assert first["services"] == [
        {
            "service_id": "billing",
            "service_name": "Billing",
            "service_type": "api",
            "ip_address": "127.0.0.1",
            "port": 8000,
            "protocol": "tcp",
            "container_port": None,
            "status": "active",
            "endpoint": "http://127.0.0.1:8000",
            "dependencies": ["db"],
        }
    ]
    again = registry.get("changes", since=first["cursor"])
    assert again == (200, {"cursor": first["cursor"], "changed": False, "services": None})


def test_a_heartbeat_is_no_change_and_everything_told_is(registry):
    registry.register("billing")
    cursor = registry.get("changes")[1]["cursor"]
    registry.post("heartbeat", service_id="billing")
    assert registry.get("changes", since=cursor)[1]["changed"] is False
    Service.objects.update(status="inactive")
    assert registry.get("changes", since=cursor)[1]["changed"] is True


def test_environments_do_not_hear_of_each_other(registry):
    cursor = registry.get("changes", environment="test")[1]["cursor"]
    registry.register("billing", environment="development")
    assert registry.get("changes", environment="test", since=cursor)[1]["changed"] is False


@pytest.mark.parametrize(
    "query",
    [{"wait": "x"}, {"wait": -1}, {"wait": "nan"}, {"wait": "inf"}, {"since": "x" * 65}, {"y": 1}],
)
def test_a_strange_wish_is_refused(registry, query):
    assert registry.get("changes", **query)[0] == 400


def test_a_look_costs_the_same_queries_for_many_services(django_assert_num_queries):
    ServiceFactory.create_batch(3, dependencies=["db"])
    with django_assert_num_queries(2):
        wait.snapshot("development")
    ServiceFactory.create_batch(20, dependencies=["db", "mail"])
    with django_assert_num_queries(2):
        wait.snapshot("development")


def in_background(work):
    """Do it in another thread, as another request; its answer comes from the returned function."""
    answers = []

    def run():
        try:
            answers.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(30)
        return answers[0]

    return result


@pytest.mark.django_db(transaction=True)
def test_who_waits_is_answered_when_something_changes(registry):
    cursor = registry.get("changes")[1]["cursor"]
    waiting = in_background(lambda: wait.changed("development", cursor, 15))
    time.sleep(0.2)
    started = time.monotonic()
    registry.register("billing")
    assert [record.service_id for record in waiting().services] == ["billing"]
    assert time.monotonic() - started < 10


def test_a_wait_ends_by_itself(registry):
    cursor = registry.get("changes")[1]["cursor"]
    started = time.monotonic()
    assert registry.get("changes", since=cursor, wait=0.1)[1]["changed"] is False
    assert 0.1 <= time.monotonic() - started < wait.LONGEST_WAIT


@pytest.mark.django_db(transaction=True)
def test_more_than_a_few_waiters_are_sent_away_for_a_moment(registry):
    cursor = registry.get("changes")[1]["cursor"]
    waiting = [
        in_background(lambda: wait.changed("development", cursor, 15))
        for _ in range(places.most_waiters())
    ]
    try:
        deadline = time.monotonic() + 10
        while places.waiting() < places.most_waiters() and time.monotonic() < deadline:
            time.sleep(0.01)
        response = registry.client.get(f"{API}/changes", {"since": cursor, "wait": 5})
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert registry.get("changes", since=cursor)[0] == 200  # who does not wait is answered
    finally:
        registry.register("billing")
    assert all(result().services for result in waiting)
    assert registry.get("changes", since="", wait=5)[0] == 200


# --- exports --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_served_as_what_it_is(registry, name):
    registry.register("billing", service_type="api", host="10.0.0.5", dependencies=["db"])
    response = registry.client.get(f"{API}/export/{name}", headers={"accept": "application/xml"})
    assert response.status_code == 200
    assert response["Content-Type"] == FORMATS[name].media_type
    assert b"illing" in response.content.lower()


def test_the_domain_of_the_names_is_the_environments_own_or_a_chosen_one(registry):
    registry.register("billing", host="10.0.0.5", environment="test")
    text = registry.client.get(f"{API}/export/hosts?environment=test").content
    assert b"10.0.0.5 billing.test.internal\n" in text
    text = registry.client.get(f"{API}/export/hosts?environment=test&domain=example.org").content
    assert b"10.0.0.5 billing.example.org\n" in text
    assert registry.get("export/hosts", domain="a b")[0] == 400


def test_an_unchanged_export_answers_304(registry):
    response = registry.client.get(f"{API}/export/hosts")
    again = registry.client.get(f"{API}/export/hosts", headers={"if-none-match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_who_is_left_out_is_counted(registry):
    registry.register("billing_1")
    registry.register("billing-1")
    assert registry.client.get(f"{API}/export/hosts")["IPManager-Left-Out"] == "1"


def test_an_unknown_format_or_environment_answers_404_with_those_that_there_are(registry):
    status, problem = registry.get("export/xml")
    assert (status, "haproxy" in problem["hint"]) == (404, True)
    status, problem = registry.get("export/hosts", environment="moon")
    assert (status, "production" in problem["hint"]) == (404, True)


@pytest.mark.parametrize(("scope", "status"), [("read", 200), ("registry", 200), ("subnets", 403)])
@pytest.mark.parametrize("path", ["changes", "export/hosts", "services", "endpoint/billing"])
def test_who_may_read_or_is_a_service_may_find_others(path, scope, status):
    assert with_token(scope).get(f"{API}/{path}").status_code == status


# --- the command ----------------------------------------------------------------------------------


def test_the_command_writes_the_same_bytes_as_the_route(registry, capsys):
    registry.register("billing", host="10.0.0.5")
    call_command("export_services", "hosts")
    assert capsys.readouterr().out.encode() == registry.client.get(f"{API}/export/hosts").content


def test_the_command_replaces_a_file_only_when_it_changes(registry, tmp_path, capsys):
    file = tmp_path / "services.hosts"
    call_command("export_services", "hosts", output=str(file))
    first = file.stat().st_ino
    call_command("export_services", "hosts", output=str(file))
    assert (file.stat().st_ino, file.stat().st_mode & 0o777) == (first, 0o644)
    registry.register("billing", host="10.0.0.5")
    call_command("export_services", "hosts", output=str(file))
    assert "10.0.0.5 billing.development.internal" in file.read_text()
    assert [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "written",
        "unchanged",
        "written",
    ]


def test_the_command_names_who_is_left_out(registry, capsys):
    registry.register("billing", host="10.0.0.5", protocol="udp")
    call_command("export_services", "nginx")
    assert capsys.readouterr().err == "left out: billing: it does not speak TCP\n"


@pytest.mark.parametrize(
    "options", [{"environment": "moon"}, {"domain": "a b"}, {"output": "/nowhere/file"}]
)
def test_the_command_says_what_is_wrong(options):
    with pytest.raises(CommandError):
        call_command("export_services", "hosts", **options)
