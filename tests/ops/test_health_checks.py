"""Health checks on broken installations: each finding names the cause, and its printed commands
mend it."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.checks.registry import registry
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections
from django.utils import timezone

from api.models import Pulse
from core import env
from core.commands import manage_command
from core.findings import (
    DEBUG,
    ERROR,
    HEALTH,
    READY,
    error,
    health_check,
    note,
    ok,
    warning,
)
from ops import doctor, health_checks, worker_heartbeat
from tests.support import postgres
from tests.support.disk import tiny_disk
from tests.support.remedies import follow, follow_in_shell
from tests.support.site import ROOT, manage

ALIAS = "checked"


@pytest.fixture
def other_database(request):
    """Another database beside the one under test, by its URL."""

    def connect(url):
        connections.databases[ALIAS] = connections.configure_settings(
            {"default": env.database("NONE", url)}
        )["default"]
        return connections[ALIAS]

    yield connect
    connections[ALIAS].close()
    del connections[ALIAS], connections.databases[ALIAS]


# --- the database ---------------------------------------------------------------------------------


@pytest.mark.needs("postgresql")
def test_a_postgresql_that_may_forget(site_environment, other_database, django_db_blocker):
    with postgres.server(postgres.DURABLE) as url, django_db_blocker.unblock():
        checked, environment = other_database(url), site_environment | {"DATABASE_URL": url}
        assert list(health_checks.durability(ALIAS)) == []
        break_durability(checked)

        found = list(health_checks.durability(ALIAS))

        assert [(finding.level, finding.msg.split()[1]) for finding in found] == [
            (ERROR, "fsync"),
            (ERROR, "full_page_writes"),
            (ERROR, "synchronous_commit"),
        ]
        for finding in found:
            follow_in_shell(finding, environment)
        checked.close()  # what was set for the database counts from the next connection on
        assert list(health_checks.durability(ALIAS)) == []


def break_durability(database):
    with database.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET fsync = off")
        cursor.execute("ALTER SYSTEM SET full_page_writes = off")
        cursor.execute("ALTER DATABASE ipmanager_db SET synchronous_commit = off")
        cursor.execute("SELECT pg_reload_conf()")
        for name in ("fsync", "full_page_writes"):
            while shown(cursor, name) != "off":
                pass
    database.close()


def shown(cursor, name):
    cursor.execute(f"SHOW {name}")
    return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("configuration file", "ALTER SYSTEM SET synchronous_commit = on"),
        ("user", 'ALTER ROLE "ipadmin" RESET synchronous_commit'),
        ("database user", 'ALTER ROLE "ipadmin" IN DATABASE "ipam" RESET synchronous_commit'),
        ("command line", "Remove -c synchronous_commit=… from the command line of the server"),
        ("client", "Remove synchronous_commit from DATABASE_URL and PGOPTIONS"),
    ],
)
def test_a_bad_value_is_undone_where_it_was_set(other_database, monkeypatch, source, remedy):
    other_database("postgres://ipadmin@127.0.0.1:1/ipam")
    monkeypatch.setattr(health_checks, "_fetch_value", lambda sql, alias: "on")
    assert remedy in " ".join(health_checks._postgresql_remedy("synchronous_commit", source, ALIAS))


def test_a_sqlite_that_may_forget(tmp_path, other_database, django_db_blocker):
    with django_db_blocker.unblock():
        database = other_database(f"sqlite:///{tmp_path}/x")
        with database.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
        found = [finding.msg for finding in health_checks.durability(ALIAS)]
        assert ["journal_mode" in found[0], "synchronous" in found[1], len(found)] == [
            True,
            True,
            2,
        ]
        with database.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
        assert list(health_checks.durability(ALIAS)) == []


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_not_applied(capsys):
    health_checks._migrated.clear()
    call_command("migrate", "ipmanager", "0004", verbosity=0)
    (sick,) = health_checks.migrations()
    assert sick.level == ERROR
    assert "ipmanager.0005" in sick.msg
    follow(sick)
    assert list(health_checks.migrations()) == []


def test_a_database_that_does_not_answer(site_environment):
    url = "postgres://somebody:canary@127.0.0.1:1/none"
    done = manage(site_environment | {"DATABASE_URL": url}, "doctor", "--json")
    report = json.loads(done.stdout)
    found = {result["exam"]: result for result in report["results"]}
    assert (done.returncode, report["status"]) == (2, 2)
    assert found["database"]["said"].startswith("The database does not answer")
    assert found["durability"]["said"] == "Not checked: the database does not answer."
    assert "canary" not in done.stdout + done.stderr


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.needs("openssl")
def test_a_secret_key_that_can_be_guessed(settings):
    settings.SECRET_KEY = "secret"
    (sick,) = health_checks.secret_key()
    assert (sick.level, sick.msg) == (ERROR, "IPMANAGER_SECRET_KEY can be guessed.")
    settings.SECRET_KEY = follow(sick).strip()
    assert list(health_checks.secret_key()) == []


@pytest.mark.parametrize("key", ["django-insecure-" + "x0123456789" * 5, "ab" * 40, "changeme" * 9])
def test_a_long_key_can_be_guessed_too(settings, key):
    settings.SECRET_KEY = key
    assert len(list(health_checks.secret_key())) == 1


def test_an_unset_secret_key_is_a_good_one(settings, tmp_path):
    settings.SECRET_KEY = env.secret("IPMANAGER_NONE", tmp_path / "secret_key")
    assert list(health_checks.secret_key()) == []


@pytest.mark.whole
@pytest.mark.parametrize("password", ["admin", "root"])
def test_a_password_that_attackers_try_first(shared_database, password):
    User.objects.create_superuser("root", "", password)
    (sick,) = health_checks.passwords()
    assert sick.msg == "The password of root is one that attackers try first."
    if password == "root":
        follow_in_shell(sick, shared_database, answers="Ein-langer-Satz!\nEin-langer-Satz!\n")
        assert list(health_checks.passwords()) == []


def test_a_secret_that_every_user_can_read(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret_key").write_text("x")
    for directory in (tmp_path, *tmp_path.parents):
        directory.chmod(directory.stat().st_mode | 0o011)
    (sick,) = [finding for finding in health_checks.private_files() if "secret_key" in finding.msg]
    follow(sick)
    assert not [finding for finding in health_checks.private_files() if "secret_key" in finding.msg]


# --- the machine ----------------------------------------------------------------------------------


@pytest.mark.needs("root")
def test_a_disk_that_is_full(settings, tmp_path):
    settings.DATA_DIR = settings.BOOT_ROOT = settings.DNSMASQ_DIR = tmp_path
    settings.DNSMASQ_LEASES = tmp_path / "leases"
    with tiny_disk(tmp_path, 64):
        (sick,) = health_checks.disks()
        assert (sick.level, f"The disk of {tmp_path} is full" in sick.msg) == (ERROR, True)
        assert str(tmp_path) in follow(sick)
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path], check=True)
        assert list(health_checks.disks()) == []


@pytest.mark.needs("faketime")
def test_a_clock_that_is_an_hour_off(shared_database):
    worker = worker_heartbeat.Heartbeat()
    worker.tick()
    assert list(health_checks.clock()) == []
    said = clock_an_hour_on(shared_database)
    assert any("+3600 s from what it was when the worker started" in text for text in said)
    if connection.vendor == "postgresql":
        assert any("+3600 s from the database's" in text for text in said)


def clock_an_hour_on(environment):
    """What the doctor finds where the clock says an hour more; a machine's time since its start
    stays the same."""
    faked = environment | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    command = ["faketime", "-f", "+1h", sys.executable, "manage.py", "doctor", "--json", "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=faked, capture_output=True, text=True, check=False)
    return [
        result["said"] for result in json.loads(done.stdout)["results"] if result["exam"] == "clock"
    ]


# --- the worker -----------------------------------------------------------------------------------


@pytest.mark.whole
def test_a_worker_that_is_missing(shared_database):
    (sick,) = health_checks.worker()
    assert (sick.level, sick.commands) == (ERROR, ("manage.py worker",))
    command = [sys.executable, *sick.commands[0].split()]
    with subprocess.Popen(
        command, cwd=ROOT, env=shared_database, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not worker_runs():
            time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 0
    assert Pulse.objects.count() == 0


def worker_runs():
    return [finding.level for finding in health_checks.worker()] == [DEBUG]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_has_fallen_silent():
    Pulse.objects.create(host="web1", seen_at=timezone.now() - timedelta(minutes=5))
    (sick,) = health_checks.worker()
    assert (sick.level, "The worker on web1 was last seen 30" in sick.msg) == (ERROR, True)
    worker_heartbeat.Heartbeat().tick()
    assert worker_runs()


@pytest.mark.django_db(transaction=True)
def test_hosts_that_are_gone_for_a_day_are_forgotten():
    Pulse.objects.create(host="old", seen_at=timezone.now() - timedelta(days=2))
    worker_heartbeat.Heartbeat().tick()
    worker_heartbeat.Heartbeat().tick()
    assert [row.pid for row in Pulse.objects.all()] == [os.getpid()]


# --- the report -----------------------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch):
    """Registers health checks, with a registry that holds no others."""
    monkeypatch.setattr(registry, "deployment_checks", set())

    def register(name, *findings, subject="test", **options):
        health_check(name, subject, needs_database=False, **options)(lambda: findings)

    return register


def report(**options):
    """Exit status and output of `manage.py doctor`."""
    out = StringIO()
    try:
        call_command("doctor", stdout=out, no_color=True, **options)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], 0),
        ([ok("x"), note("y")], 0),
        ([warning("x"), ok("y")], 1),
        ([warning("x"), error("y")], 2),
    ],
)
def test_the_status_is_that_of_the_worst_finding(only, findings, status):
    only("one", *findings)
    assert report()[0] == status


@pytest.mark.django_db
def test_a_finding_is_printed_with_its_remedy(only):
    only("one", error("It burns.", "Put it out.", "water"))
    assert report()[1].splitlines() == [
        "error    one  It burns.",
        "              Put it out.",
        "              $ water",
        "1 errors, 0 warnings.",
    ]


@pytest.mark.django_db
def test_programs_get_the_same_words_under_the_same_keys(only):
    only("one", error("It burns.", "Put it out.", "water"))
    assert json.loads(report(json=True)[1]) == {
        "status": 2,
        "results": [
            {
                "exam": "one",
                "level": "error",
                "said": "It burns.",
                "remedy": "Put it out.",
                "commands": ["water"],
            }
        ],
    }


@pytest.mark.django_db
def test_messages_of_djangos_own_checks_are_findings_too(settings):
    settings.BOOTSTRAP_TOKEN = "short"
    (result,) = [one for one in doctor.run_checks("settings") if one.level == "warning"]
    assert result.text.endswith("characters. (ipmanager.W006)")
    assert "openssl" in result.remedy


@pytest.mark.django_db
def test_a_check_with_a_bug_harms_no_other(only, caplog):
    @health_check("bad", "test", needs_database=False)
    def broken():
        raise RuntimeError("oh")

    only("good", ok("x"))
    results = doctor.run_checks()
    assert [(result.check.name, result.level) for result in results] == [
        ("bad", "error"),
        ("good", "ok"),
    ]
    assert "oh" in caplog.text


@pytest.mark.django_db
def test_a_check_whose_query_fails_harms_no_other(only):
    @health_check("bad", "test")
    def broken():
        connection.cursor().execute("SELECT nothing FROM nowhere")

    @health_check("good", "test")
    def counts():
        return [ok(str(User.objects.count()))]

    assert [result.level for result in doctor.run_checks()] == ["error", "ok"]


def test_the_order_is_by_subject_then_by_registration(only, db):
    only("third", subject="dhcp")
    only("first", subject="database")
    only("fourth", subject="something new")
    only("second", subject="database")
    names = [result.check.name for result in doctor.run_checks()]
    assert names == ["first", "second", "third", "fourth"]


def test_djangos_own_command_runs_them_only_when_asked(db, only):
    only("one", error("It burns.", "Put it out.", "water"))
    call_command("check", stderr=StringIO())
    call_command("check", deploy=True, tags=[HEALTH], stderr=StringIO())
    with pytest.raises(SystemCheckError, match=r"one: It burns\.\s+HINT: Put it out\.\s+\$ water"):
        call_command("check", deploy=True, databases=["default"], tags=[HEALTH])


def test_the_checks_before_every_command_use_no_database():
    call_command("check", stderr=StringIO())  # a query would fail: this test has no database mark


def test_every_check_has_a_name_of_its_own_and_says_what_is_well():
    checks = doctor.registered()
    assert len({check.name for check in checks}) == len(checks) > 20
    assert all(check.subject in doctor.SUBJECTS for check in checks)
    assert [check.name for check in checks if READY in check.tags and not check.summary] == []


@pytest.mark.parametrize(
    ("base_dir", "command"),
    [("/opt/ipmanager/releases/1", "ipmanager-manage migrate"), ("/home/me", "manage.py migrate")],
)
def test_an_installed_system_has_a_program_of_its_own(settings, base_dir, command):
    settings.BASE_DIR = Path(base_dir)
    assert manage_command("migrate") == command


def test_the_page_says_what_the_command_says(admin_client):
    page = admin_client.get("/admin/ipmanager/pulse/").content.decode()
    assert "No worker runs" in page
    assert "<code>manage.py worker</code>" in page


def test_the_page_is_not_for_everybody(client, db):
    client.force_login(User.objects.create_user("somebody", is_staff=True))
    assert client.get("/admin/ipmanager/pulse/").status_code == 403
