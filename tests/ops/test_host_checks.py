"""Health checks of the host: age of the backups, nginx and its certificate, the units; each finding
on a host that is broken in just this way, none on one that is fresh."""

import os
import socket
import ssl
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from core.commands import INSTALLED_IN
from core.findings import ERROR, WARNING
from ops import health_checks, host_checks
from ops.metrics import Tables
from tests.support import require

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(settings, tmp_path, monkeypatch):
    """An installation of install.sh as the checks see it, without nginx and systemd."""
    settings.BASE_DIR = INSTALLED_IN / "releases/1"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.PUBLIC_URL = "https://ipam.test"
    settings.DNSMASQ_RELOAD, settings.DNSMASQ_EVICT = "generation", "none"
    for name in ("SYSTEMD", "UNITS", "NGINX_SITE"):
        monkeypatch.setattr(host_checks, name, tmp_path / name.lower())
    host_checks._seen_front.cache_clear()
    host_checks._inactive_units.cache_clear()
    return tmp_path


def findings():
    checks = (
        host_checks.recent_backup,
        host_checks.nginx,
        host_checks.certificate,
        host_checks.units,
    )
    return [(finding.level, finding.msg) for check in checks for finding in check()]


def metric(name):
    for line in Tables().text().decode().splitlines():
        if line.startswith(f"ipmanager_{name} "):
            return float(line.split()[1])
    return None


# --- backups --------------------------------------------------------------------------------------


def backup(host, age):
    (host / "backups").mkdir(exist_ok=True)
    made = datetime.now(UTC) - age
    (host / "backups" / f"ipmanager-{made:%Y%m%d-%H%M%S}-000.tar").touch()


def installed(age):
    with connection.cursor() as cursor:
        at = datetime.now(UTC) - age
        cursor.execute("UPDATE django_migrations SET applied = %s", [at])


def test_a_fresh_installation_needs_no_backup_yet(host):
    installed(timedelta(hours=30))
    assert findings() == []
    assert metric("backup_age_seconds") == pytest.approx(30 * 3600, abs=60)


@pytest.mark.parametrize(("days", "level"), [(1, None), (3, WARNING), (8, ERROR)])
def test_a_backup_that_is_old(host, days, level):
    backup(host, timedelta(days=days))
    backup(host, timedelta(days=30))
    found = findings()
    assert [one for one, _text in found] == [level] * bool(level)
    assert all(f"is {days} days old" in text for _level, text in found)
    assert metric("backup_age_seconds") == pytest.approx(days * 86400, abs=60)


def test_no_backup_long_after_the_installation(host):
    installed(timedelta(days=9))
    assert findings()[0][0] == ERROR
    assert "no backup" in findings()[0][1]
    (found,) = host_checks.recent_backup()
    assert found.commands[0] == "ipmanager-manage backup --keep 14"


def test_where_nobody_makes_backups_here_nothing_is_said(host, settings):
    settings.BASE_DIR = Path("/home/me")
    installed(timedelta(days=9))
    assert (findings(), metric("backup_age_seconds")) == ([], None)


# --- nginx and its certificate --------------------------------------------------------------------


@pytest.fixture
def serve(host, monkeypatch):
    """A TLS server in the place of nginx, with a certificate that is valid for these days."""
    require.part("openssl")
    (host / "nginx_site").touch()
    running = []

    def start(days):
        pem = host / "pem"
        now = datetime.now(UTC)
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
        subprocess.run(
            [*command, "-days", "9999", "-keyout", pem, "-out", host / "unused"],
            check=True,
            capture_output=True,
        )
        sign(pem, now - timedelta(days=99), now + timedelta(days=days))
        server = socket.create_server(("127.0.0.1", 0))
        running.append(server)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(host / "cert", pem)
        threading.Thread(target=answer, args=(server, context), daemon=True).start()
        monkeypatch.setattr(host_checks, "FRONT", server.getsockname())

    yield start
    for server in running:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def sign(key, start, end):
    """openssl's `ca` sets both dates; its `x509` of Debian 12 sets none."""
    home = key.parent
    (home / "index").touch()
    (home / "serial").write_text("01\n")
    (home / "conf").write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={home}/index\nserial={home}/serial\n"
        f"new_certs_dir={home}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    run = {"check": True, "capture_output": True, "cwd": home}
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-out", "csr"], **run)
    dates = ["-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}"]
    command = ["openssl", "ca", "-batch", "-config", "conf", "-selfsign", "-keyfile", key]
    subprocess.run([*command, *dates, "-in", "csr", "-out", "cert", "-notext"], **run)


def answer(server, context):
    while True:
        try:
            plain, _address = server.accept()
        except OSError:
            return
        with closing(plain):
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                continue


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (400, []),
        (10, [(WARNING, "The TLS certificate expires in 9 days.")]),
        (-2, [(ERROR, "The TLS certificate has expired.")]),
    ],
)
def test_a_certificate_that_ends(serve, days, expected):
    serve(days)
    assert findings() == expected
    assert metric("certificate_valid_seconds") == pytest.approx(max(0, days) * 86400, abs=60)


def test_an_nginx_that_does_not_answer(host, monkeypatch):
    (host / "nginx_site").touch()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setattr(host_checks, "FRONT", closed.getsockname())
    ((level, text),) = findings()
    assert (level, "nginx does not answer by TLS" in text) == (ERROR, True)
    assert metric("certificate_valid_seconds") is None


# --- units ----------------------------------------------------------------------------------------


@pytest.fixture
def systemctl(host, monkeypatch):
    """A systemctl that answers from a table, and knows every unit."""
    (host / "systemd").mkdir()
    (host / "units").mkdir()
    for name in ("backup.timer", "dnsmasq-conf.path", "reload.path", "evict.path"):
        (host / "units" / f"ipmanager-{name}").touch()
    program = host / "bin" / "systemctl"
    program.parent.mkdir()

    def states(**inactive):
        lines = "".join(f"ipmanager-{name}) echo {state};;\n" for name, state in inactive.items())
        program.write_text(
            f"#!/bin/sh\nshift\nfor unit; do case ${{unit%%.*}} in\n{lines}*) echo active;;\n"
            f"esac; done\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return states


def test_units_that_are_active(systemctl):
    systemctl()
    assert findings() == []


@pytest.mark.parametrize(("unit", "state"), [("reload", "inactive"), ("backup", "failed")])
def test_a_unit_that_somebody_has_stopped(systemctl, unit, state):
    systemctl(**{unit: state})
    ((level, text),) = findings()
    assert (level, f"ipmanager-{unit}." in text) == (ERROR, True)
    (found,) = host_checks.units()
    assert found.commands[0].startswith(f"systemctl enable --now ipmanager-{unit}.")


def test_a_unit_that_these_settings_do_not_need(systemctl, settings):
    settings.DNSMASQ_RELOAD = "none"
    systemctl(reload="inactive", evict="inactive")
    assert findings() == []


def test_a_systemd_that_cannot_be_asked(systemctl, host):
    systemctl()
    (host / "bin/systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    assert findings() == []


# --- a database that cannot be written ------------------------------------------------------------


@pytest.mark.on("postgresql")
def test_a_read_only_postgresql_is_not_ready(client):
    assert client.get("/readyz").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
        answer = client.get("/readyz")
        (found,) = health_checks.writable_database()
    assert answer.status_code == 503
    assert "read-only" in answer.json()["detail"]
    assert found.level == ERROR


@pytest.mark.on("sqlite")
@pytest.mark.needs("root", "mount-namespaces")
def test_a_read_only_sqlite_is_not_ready(client, tmp_path, monkeypatch):
    """Its disk is mounted read-only, which root cannot write to either."""
    assert list(health_checks.writable_database()) == []
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    subprocess.run(mount, check=True)
    try:
        (tmp_path / "ledger").touch()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "ledger"))
        answer = client.get("/readyz")
        (found,) = health_checks.writable_database()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("the database is read-only")
    assert f"{tmp_path}/ledger" in found.msg
