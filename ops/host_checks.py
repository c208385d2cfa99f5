"""Health checks of what deploy/install.sh has set up around IPManager: backups, nginx with its
certificate, and the units that lead to dnsmasq."""

from __future__ import annotations

import functools
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from prometheus_client.core import GaugeMetricFamily, Metric

from core.commands import is_installed, manage_command
from core.findings import BOUNDED, Finding, error, health_check, warning
from ops.backup import make

OLD_BACKUP, VERY_OLD_BACKUP = timedelta(days=2), timedelta(days=7)  # one is made every night
CERTIFICATE_ENDS_SOON = timedelta(days=21)
UNITS = Path("/etc/systemd/system")
SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)
NGINX_SITE = Path("/etc/nginx/sites-enabled/ipmanager")
FRONT = ("127.0.0.1", 443)
TIMEOUT = 2.0  # seconds
REMEMBERED = 60  # seconds: pages and scrapes share what was seen of nginx and systemd
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED, openssl-verification-options(1)
_MADE_AT = re.compile(r"ipmanager-(\d{8}-\d{6})")


# --- backups --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backups:
    """The age of the newest backup; without one, that of the installation."""

    exist: bool
    age: timedelta


def backups() -> Backups | None:
    """None where nobody makes backups into IPMANAGER_BACKUP_DIR."""
    newest = make.newest(settings.BACKUP_DIR)
    if newest:
        return Backups(True, datetime.now(UTC) - _made_at(newest))
    if not is_installed():
        return None
    first = MigrationRecorder.Migration.objects.aggregate(at=Min("applied"))["at"]
    return Backups(False, timezone.now() - (first or timezone.now()))


def _made_at(archive: Path) -> datetime:
    """From its name: a copy of an archive has a newer time than the archive."""
    named = _MADE_AT.match(archive.name)
    if named:
        return datetime.strptime(named[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(archive.stat().st_mtime, UTC)


@health_check(gettext_noop("backups"), "machine", BOUNDED)
def recent_backup() -> Iterator[Finding]:
    """A backup was made lately."""
    found = backups()
    if found is None or found.age < OLD_BACKUP:
        return
    msg = _("There is no backup in %(place)s, %(days)d days after the installation.")
    if found.exist:
        msg = _("The newest backup in %(place)s is %(days)d days old.")
    remedy = _("Make one, and find out why none was made.")
    commands = [manage_command("backup --keep 14")]
    if is_installed():
        commands.append("journalctl --unit ipmanager-backup --lines 20 --no-pager")
    kind = error if found.age >= VERY_OLD_BACKUP else warning
    yield kind(msg % {"place": settings.BACKUP_DIR, "days": found.age.days}, remedy, *commands)


# --- nginx ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Front:
    """What nginx answers on this host: a certificate for so many seconds, or nothing."""

    valid_for: float = 0
    failure: str = ""


def front() -> Front | None:
    """None where nginx is not ours, or without TLS."""
    if not settings.PUBLIC_URL.startswith("https://") or not NGINX_SITE.exists():
        return None
    return _seen_front(_period())


@functools.lru_cache(1)
def _seen_front(period: int) -> Front:
    name = urlsplit(settings.PUBLIC_URL).hostname or ""
    try:
        return Front(_certificate_end(name) - time.time())
    except ssl.SSLCertVerificationError as failure:
        if failure.verify_code == _EXPIRED:
            return Front(0)
        return Front(failure=failure.verify_message)
    except OSError as failure:
        return Front(failure=failure.strerror or str(failure))


def _certificate_end(name: str) -> float:
    """When the certificate that nginx serves for this name ends, as time.time(). Raises OSError.

    Python reads a certificate's dates only when it is verified: against itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _connection(context, name) as connection:
        served = connection.getpeercert(binary_form=True) or b""
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=served)
    with _connection(context, name) as connection:
        facts = connection.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(facts["notAfter"]))


def _connection(context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    plain = create_connection(FRONT, TIMEOUT)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except OSError:
        plain.close()
        raise


@health_check(gettext_noop("nginx"), "machine", BOUNDED, needs_database=False)
def nginx() -> Iterator[Finding]:
    """nginx answers by TLS."""
    found = front()
    if found and found.failure:
        msg = _("nginx does not answer by TLS at %(place)s: %(why)s.")
        place = "{}:{}".format(*FRONT)
        remedy = _("Start it, as root. The first command says what is wrong.")
        yield error(
            msg % {"place": place, "why": found.failure},
            remedy,
            "nginx -t",
            "systemctl restart nginx",
        )


@health_check(gettext_noop("certificate"), "machine", BOUNDED, needs_database=False)
def certificate() -> Iterator[Finding]:
    """The certificate that nginx serves does not end soon."""
    found = front()
    if found is None or found.failure or found.valid_for > CERTIFICATE_ENDS_SOON.total_seconds():
        return
    remedy = _("Put a new one into /etc/ipmanager/tls, then reload nginx, as root.")
    if found.valid_for <= 0:
        msg = _("The TLS certificate has expired.")
        yield error(msg, remedy, "systemctl reload nginx")
        return
    msg = _("The TLS certificate expires in %d days.") % (found.valid_for // 86400)
    yield warning(msg, remedy, "systemctl reload nginx")


# --- units ----------------------------------------------------------------------------------------


@health_check(gettext_noop("units"), "machine", BOUNDED, needs_database=False)
def units() -> Iterator[Finding]:
    """The timer and the path units of this host are active."""
    if not is_installed() or not SYSTEMD.exists():
        return
    for name in _inactive_units(_expected_units(), _period()):
        msg = _("%s is not active.") % name
        yield error(msg, _("Start it, as root."), f"systemctl enable --now {name}")


def _expected_units() -> tuple[str, ...]:
    """Those that install.sh enables under these settings."""
    expected = {
        "ipmanager-backup.timer": True,
        "ipmanager-dnsmasq-conf.path": True,
        "ipmanager-reload.path": settings.DNSMASQ_RELOAD == "generation",
        "ipmanager-evict.path": settings.DNSMASQ_EVICT == "helper",
    }
    return tuple(name for name in expected if expected[name] and (UNITS / name).exists())


@functools.lru_cache(1)
def _inactive_units(names: tuple[str, ...], period: int) -> tuple[str, ...]:
    """Those that systemd does not call active; none if it cannot be asked."""
    command = ["systemctl", "is-active", *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    states = done.stdout.split()
    if len(states) != len(names):
        return ()
    return tuple(
        name for name, state in zip(names, states, strict=True) if state in ("inactive", "failed")
    )


def _period() -> int:
    return int(time.monotonic() // REMEMBERED)


# --- metrics --------------------------------------------------------------------------------------


def collect() -> Iterator[Metric]:
    """The age of the newest backup, and how long the certificate is valid."""
    age = GaugeMetricFamily(
        "ipmanager_backup_age_seconds",
        "Since the newest backup; without one, since the installation.",
    )
    if found := backups():
        age.add_metric([], found.age.total_seconds())
    yield age
    valid = GaugeMetricFamily(
        "ipmanager_certificate_valid_seconds", "Until the certificate of nginx expires."
    )
    seen = front()
    if seen and not seen.failure:
        valid.add_metric([], seen.valid_for)
    yield valid
