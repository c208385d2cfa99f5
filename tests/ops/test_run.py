"""`manage.py run`, really started: what it prints, what it leaves behind."""

import contextlib
import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from api.models import Token
from ops import prepare, supervisor
from tests.support.postgres import free_port
from tests.support.site import ROOT, below, gone, interrupt_like_a_terminal, manage, site

FIRST_START = re.compile(r"user: +(\S+)\n +password: +(\S+)\n +API token: +(ipm_[0-9a-f]+)\n")


def log_in(url, user, password):
    """The page after a login in the admin, with cookies and the form's own token as a browser
    does."""
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    browser.open(f"{url}/admin/login/").read()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": user, "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}
    return browser.open(f"{url}/admin/login/", urllib.parse.urlencode(form).encode()).geturl()


@pytest.fixture(scope="module")
def first_start(tmp_path_factory, site_database):
    """A site that has never run before, for the tests that leave it as it is; the last one of them
    ends it."""
    given = {"IPMANAGER_BOOTSTRAP_TOKEN": "t" * 40, "IPMANAGER_ADMIN_PASSWORD": "from-the-vault"}
    with site(site_database | given, tmp_path_factory.mktemp("run") / "out") as running:
        running.environment = site_database
        yield running


def test_given_secrets_are_used_and_not_printed(first_start):
    assert "as set by IPMANAGER_BOOTSTRAP_TOKEN" in first_start.output()
    assert "t" * 40 not in first_start.output()
    assert "from-the-vault" not in first_start.output()


def test_the_supervisor_loads_no_django_and_stays_small(first_start):
    pid = first_start.process.pid
    assert memory(pid) < 20
    assert "psycopg" not in Path(f"/proc/{pid}/maps").read_text()


def test_all_processes_of_an_idle_site_fit_into_200_MiB(first_start):
    first_start.wait_for("worker")
    time.sleep(5)  # the worker is loaded
    assert memory(first_start.process.pid, *first_start.children()) < 200


@pytest.mark.whole
def test_a_second_start_on_the_same_data_is_refused(first_start):
    second = manage(first_start.environment, "run")
    assert_refused(second, "IPManager already runs on")


@pytest.mark.whole
def test_a_dead_worker_comes_back_while_the_pages_go_on(first_start):
    first = first_start.wait_for("worker")
    os.kill(first, signal.SIGKILL)
    assert gone([first])
    assert first_start.wait_for("worker") != first
    first_start.wait_until_it_answers(1)
    assert "the worker was ended by SIGKILL: starting it again in 1 s" in first_start.output()


@pytest.mark.whole
def test_the_first_start_prints_address_password_and_token_and_a_later_one_where_to_get_them(
    migrated_database, tmp_path
):
    with site(migrated_database, tmp_path / "first") as running:
        user, password, _token = FIRST_START.search(running.output()).groups()
        assert f"{running.url}/" in running.output()
        assert log_in(running.url, user, password) == f"{running.url}/admin/"
        children = running.children()
        assert len(children) >= 2
        assert running.end(signal.SIGTERM) == 0
        assert gone(children, seconds=0)
    with site(migrated_database, tmp_path / "second") as running:
        assert "password:" not in running.output()
        assert "ipm_" not in running.output()
        assert "changepassword admin" in running.output()
        children = running.children()
        interrupt_like_a_terminal(running.process)
        assert running.process.wait(40) == 0
        assert gone(children, seconds=0)
        assert "Traceback" not in running.output()


@pytest.mark.whole
def test_everything_ends_when_the_web_server_dies(migrated_database, tmp_path):
    with site(migrated_database, tmp_path / "out") as running:
        children = running.children()
        os.kill(children[0], signal.SIGKILL)
        assert running.process.wait(40) == 1
        assert "the web server was ended by SIGKILL: stopping" in running.output()
        assert gone(children)


UNFINISHED = [
    b"",
    b"GET / HT",
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6000\r\n\r\nusername=",
    b"PUT /api/v1/boot-files/1/content/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 99999999\r\n\r\n",
]
LARGE = 300 << 20


@pytest.mark.whole
def test_unfinished_requests_and_a_flood_of_data_stop_nobody(first_start):
    with contextlib.ExitStack() as stack:
        for number in range(100):
            half_open = socket.create_connection(("127.0.0.1", first_start.port))
            stack.enter_context(half_open).sendall(UNFINISHED[number % len(UNFINISHED)])
        for _ in range(3):
            started = time.monotonic()
            with urllib.request.urlopen(f"{first_start.url}/healthz", timeout=10) as response:
                assert response.status == 200
            assert time.monotonic() - started < 1
    for path in ("/api/v1/boot-files/1/content/", "/admin/pxe/bootfile/add/"):
        said, sent = flood(first_start.port, path)
        assert re.match(rb"HTTP/1.1 40[13] ", said), said[:200]
        assert sent < LARGE / 10
    assert stored(Path(first_start.environment["IPMANAGER_DATA_DIR"])) < LARGE / 10


@pytest.mark.whole
def test_a_given_password_is_used_and_the_children_end_when_the_parent_is_killed(first_start):
    assert log_in(first_start.url, "admin", "from-the-vault").endswith("/admin/")
    children = first_start.children()
    assert len(children) >= 2
    first_start.end(signal.SIGKILL)
    assert gone(children, seconds=10)


def flood(port, path):
    """The answer to an upload by nobody, and how much of it was taken."""
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LARGE}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode())
        said, sent = connection.recv(4096), 0
        with contextlib.suppress(OSError):
            while sent < LARGE:
                sent += connection.send(b"x" * 65536)
    return said, sent


def stored(directory):
    """Bytes of all files that are not links."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files)


def memory(*pids):
    """Their proportional set size in MiB: shared pages count once (proc(5), smaps_rollup)."""
    text = "".join(Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(map(int, re.findall(r"^Pss: +(\d+)", text, re.MULTILINE))) / 1024


def test_the_supervisor_s_defaults_are_those_of_the_settings(settings):
    """It reads two settings itself, because ipmanager.settings needs Django."""
    text = (ROOT / "ipmanager/settings.py").read_text()
    for call in re.findall(r"env\.\w+\([^)]*\)", Path(supervisor.__file__).read_text()):
        assert call in text
    assert settings.BASE_DIR == supervisor.BASE_DIR


def test_the_preparation_ends_with_the_supervisor(site_environment):
    """With a database that never answers, it waits until it is told to end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        environment = site_environment | {
            "IPMANAGER_BIND": f"127.0.0.1:{free_port()}",
            "DATABASE_URL": url,
        }
        process = subprocess.Popen([sys.executable, "manage.py", "run"], cwd=ROOT, env=environment)
        connected, _address = silent.accept()
        children = list(below(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        connected.close()
    assert children and gone(children, seconds=0)


def test_a_port_in_use_is_named(site_environment):
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        refused = manage(site_environment | {"IPMANAGER_BIND": place}, "run")
    assert_refused(refused, f"IPMANAGER_BIND: cannot use {place}: Address already in use")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "IPMANAGER_DATA_DIR",
            "/proc/none",
            "IPMANAGER_DATA_DIR: cannot create the directory /proc/none",
        ),
        ("IPMANAGER_DNSMASQ_RELOAD", "reboot", "IPMANAGER_DNSMASQ_RELOAD: not one of none, sudo"),
        ("IPMANAGER_BIND", "everywhere", "IPMANAGER_BIND: 'everywhere' is not HOST:PORT"),
        ("IPMANAGER_PUBLIC_URL", "ipam.example", "IPMANAGER_PUBLIC_URL: not a URL"),
        ("DATABASE_URL", "sqlite:////proc/none/db", "cannot use the database /proc/none/db"),
        (
            "DATABASE_URL",
            "postgres://nobody@127.0.0.1:1/none",
            "the database: .*check DATABASE_URL",
        ),
    ],
)
def test_a_bad_setting_stops_the_start_in_one_line_that_names_it(
    site_environment, name, value, complaint
):
    environment = site_environment | {"IPMANAGER_BIND": f"127.0.0.1:{free_port()}", name: value}
    assert_refused(manage(environment, "run"), complaint)


def assert_refused(finished, complaint):
    assert finished.returncode == 1
    assert re.match(f"ipmanager: .*{complaint}", finished.stderr, re.DOTALL), finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.django_db
def test_a_changed_bootstrap_token_replaces_the_old_one(settings):
    User.objects.create_superuser("admin")
    for value in ("first" * 5, "second" * 5, "second" * 5):
        settings.BOOTSTRAP_TOKEN = value
        prepare.apply_bootstrap_token()
    assert Token.objects.holding("second" * 5).allows("admin")
    assert Token.objects.count() == 1


def test_a_dead_worker_is_started_again_later_and_later():
    worker = supervisor.Child("worker", [sys.executable, "-c", "pass"], essential=False)
    parent = supervisor.Supervisor(supervisor.preparation(), [worker])
    delays = []
    for _ in range(3):
        worker.due = 0
        assert parent.keep_running(worker)
        worker.process.wait()
        assert parent.keep_running(worker)
        delays.append(worker.due - time.monotonic())
    assert delays == pytest.approx([1, 2, 4], abs=0.5)


def test_the_end_signals_no_process_that_has_ended_before(monkeypatch):
    preparation = supervisor.Child("preparation", [sys.executable, "-c", "pass"], essential=True)
    parent = supervisor.Supervisor(preparation, [])
    assert parent.prepare() == 0
    signalled = []
    monkeypatch.setattr(supervisor.os, "killpg", lambda *group: signalled.append(group))
    parent.end()
    assert signalled == []


def test_static_files_are_collected_again_only_when_one_changed(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "out"
    settings.STATICFILES_DIRS = [tmp_path / "in"]
    (tmp_path / "in").mkdir()
    before = prepare.static_state()
    assert prepare.static_state() == before
    (tmp_path / "in" / "x.css").write_text("a{}")
    assert prepare.static_state() != before
