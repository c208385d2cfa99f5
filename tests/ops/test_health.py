import tomllib

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

import ipmanager
from dhcp.models import DnsmasqHeartbeat
from ops import health_checks, worker_heartbeat
from tests.support.disk import tiny_disk
from tests.support.site import ROOT


def test_healthz_answers_without_a_database(client):
    response = client.get("/healthz")  # a query would fail: this test has no database mark
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}  # and not the version


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_version_is_not_told_to_everybody(client, path):
    assert ipmanager.__version__ not in client.get(path).content.decode()


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project and project["dynamic"] == ["version"]


@pytest.mark.django_db
def test_readyz_answers_when_the_database_does(client):
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_readyz_refuses_while_a_migration_is_missing(client):
    health_checks._migrated.clear()
    MigrationRecorder.Migration.objects.filter(app="ipmanager").delete()

    response = client.get("/readyz")

    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert "manage.py migrate" in response.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_readyz_warns_of_a_missing_worker_and_lets_people_work(client):
    assert client.get("/readyz").json()["warnings"] == ["no worker has reported for a minute"]
    worker_heartbeat.Heartbeat().tick()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["warnings"]) == (200, [])


@pytest.mark.django_db
def test_readyz_warns_of_a_dead_dnsmasq_and_names_no_place(client):
    DnsmasqHeartbeat.objects.create(host="secret-host", state="dead", detail="process 7")
    response = client.get("/readyz")
    assert response.status_code == 200
    assert "a dnsmasq is not up (run: manage.py doctor)" in response.json()["warnings"]
    assert "secret-host" not in response.content.decode()


@pytest.mark.needs("root")
@pytest.mark.django_db
def test_readyz_refuses_while_a_disk_is_full(client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with tiny_disk(tmp_path):
        response = client.get("/readyz")
    assert (response.status_code, "a disk is full" in response.json()["detail"]) == (503, True)
    assert client.get("/readyz").status_code == 200


def test_readyz_refuses_without_a_database_and_names_no_host(
    client, django_db_blocker, monkeypatch
):
    monkeypatch.setitem(connection.settings_dict, "NAME", "no/such/database")
    with django_db_blocker.unblock():
        connection.close()
        response = client.get("/readyz")
    problem = response.json()
    assert set(problem) == {"title", "status", "code", "detail"}
    assert (response.status_code, problem["code"]) == (503, "unavailable")
    assert problem["detail"].startswith("the database does not answer")
    assert "no/such" not in response.content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_only_answers_questions(client, path):
    assert client.post(path).status_code == 405
