"""Health checks of the site itself: database, settings, secrets, machine, worker, web server."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, run_checks
from django.db import (
    DatabaseError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.commands import is_installed, manage_command
from core.findings import (
    BOUNDED,
    READY,
    READY_WARNING,
    SLOW,
    Finding,
    error,
    health_check,
    ok,
    warning,
)
from ops import worker_heartbeat

# Values of PostgreSQL's parameters under which an acknowledged commit survives a power failure.
DURABLE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
}
READ_ONLY = "default_transaction_read_only"
SOURCE_OF_READ_ONLY = "SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only'"
CLOCK_TOLERANCE = 5  # seconds
COMMON_PASSWORDS = ("admin", "password", "ipmanager", "changeme", "secret", "admin123", "12345678")
KEY_LENGTH, KEY_VARIETY = 32, 8  # characters, different characters
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (connected to, not bound)
DISK_FULL, DISK_NEARLY_FULL = 8 << 20, 200 << 20  # bytes left
INODES_FULL = 100  # inodes left


# --- database -------------------------------------------------------------------------------------


@health_check(
    gettext_noop("database"),
    "database",
    BOUNDED,
    READY,
    needs_database=False,
    summary="the database does not answer (see the log; check DATABASE_URL)",
)
def database() -> Iterator[Finding]:
    """The database answers."""
    try:
        connection.ensure_connection()
        _fetch_value("SELECT 1")
    except DatabaseError as failure:
        msg = _("The database does not answer: %s") % _in_one_line(failure)
        if connection.vendor == "postgresql":
            remedy = _("Start it, as root; or correct DATABASE_URL.")
            yield error(msg, remedy, "systemctl start postgresql")
        else:
            remedy = _("The file and its directory must belong to the user that IPManager runs as.")
            yield error(msg, remedy)


@health_check(
    gettext_noop("writable database"),
    "database",
    BOUNDED,
    READY,
    summary=f"the database is read-only (run: {manage_command('doctor')})",
)
def writable_database() -> Iterator[Finding]:
    """The database is not read-only."""
    if connection.vendor == "sqlite":
        yield from _writable_sqlite(Path(connection.settings_dict["NAME"]))
    elif _fetch_value("SELECT pg_is_in_recovery()"):
        remedy = _(
            "Name the primary, too: "
            "DATABASE_URL=postgres://…@HOST1,HOST2/…?target_session_attrs=read-write"
        )
        yield error(_("The database is a standby: nothing can be saved."), remedy)
    elif _is_read_only():
        source = _fetch_value(SOURCE_OF_READ_ONLY)
        remedy, *shell = _postgresql_remedy(READ_ONLY, source, "default", "off")
        yield error(_("The database is read-only: nothing can be saved."), remedy, *shell)


def _is_read_only() -> bool:
    return _fetch_value("SELECT current_setting('transaction_read_only')") == "on"


def _writable_sqlite(path: Path) -> Iterator[Finding]:
    """access(2) also knows of file systems that are mounted read-only, and of immutable files."""
    if not path.is_absolute():  # a database in memory
        return
    for place in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), path.parent):
        if place.exists() and not os.access(place, os.W_OK, effective_ids=True):
            msg = _("Nothing can be saved: %s cannot be written.") % place
            user = pwd.getpwuid(os.geteuid()).pw_name
            remedy = _("Give it to the user that IPManager runs as; or mount its disk read-write.")
            yield error(msg, remedy, f"chown {user} '{place}'", f"chmod u+rw '{place}'")
            return


@health_check(gettext_noop("database writes"), "database")
def database_writes() -> Iterator[Finding]:
    """PostgreSQL can be written to. Its disk may be in another machine."""
    if connection.vendor != "postgresql" or _is_read_only():
        return
    if reason := _write_failure():
        yield error(
            _("Nothing can be saved: %s") % reason,
            _("Make room on the disk of the database's machine."),
        )


def _write_failure() -> str:
    """Why PostgreSQL cannot store half a megabyte, which is dropped at once; empty if it can."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE ipmanager_write_test ON COMMIT DROP AS "
                "SELECT repeat('x', 1000) FROM generate_series(1, 500)"
            )
    except OperationalError as failure:
        return _in_one_line(failure)
    except ProgrammingError:  # this role may not create tables, so nothing is known
        pass
    return ""


def _in_one_line(failure: Exception) -> str:
    return " ".join(str(failure).split())


def _fetch_value(sql: str, alias: str = "default") -> Any:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@health_check(gettext_noop("durability"), "database")
def durability(alias: str = "default") -> Iterator[Finding]:
    """What was acknowledged survives a power failure."""
    if connections[alias].vendor == "sqlite":
        yield from _sqlite_durability(alias)
        return
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT name, setting, source FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
            [list(DURABLE)],
        )
        rows = cursor.fetchall()
    for name, value, source in rows:
        if value not in DURABLE[name]:
            msg = _("PostgreSQL's %(name)s is %(value)s: what was acknowledged can be lost.")
            remedy, *shell = _postgresql_remedy(name, source, alias)
            yield error(msg % {"name": name, "value": value}, remedy, *shell)


def _postgresql_remedy(name: str, source: str, alias: str, value: str = "on") -> tuple[str, ...]:
    """How to undo a parameter's value, by its source in pg_settings: a sentence, then commands."""
    if source == "command line":
        text = _("Remove %s from the command line of the server, and restart it.")
        return (text % f"-c {name}=…",)
    if source in ("client", "environment variable", "session"):
        return (_("Remove %s from DATABASE_URL and PGOPTIONS.") % name,)
    facts = connections[alias].settings_dict
    role, in_database = f'ALTER ROLE "{facts["USER"]}"', f'IN DATABASE "{facts["NAME"]}"'
    reset = {
        "database": f'ALTER DATABASE "{facts["NAME"]}" RESET {name}',
        "user": f"{role} RESET {name}",
        "database user": f"{role} {in_database} RESET {name}",
    }
    sql = reset.get(source, f"ALTER SYSTEM SET {name} = {value}")
    shell = f"sudo -u postgres psql -d {facts['NAME']}"
    if _fetch_value("SELECT current_setting('is_superuser')", alias) == "on":
        shell = manage_command("dbshell --")
    if name == READ_ONLY:  # nothing can be altered by a session that has it
        shell += f" -c 'SET {READ_ONLY} = off'"
    commands = [f"{shell} -c '{sql}' -c 'SELECT pg_reload_conf()'"]
    if name == "fsync":
        commands.append("sync")  # writes the pages that were not flushed until now
    if value == "off":
        if is_installed():
            commands.append("systemctl restart ipmanager-service")
        return _("Switch it off, and restart IPManager."), *commands
    return _("Switch it on. It takes effect at once."), *commands


def _sqlite_durability(alias: str) -> Iterator[Finding]:
    journal = _fetch_value("PRAGMA journal_mode", alias)
    if journal != "wal":
        msg = _("SQLite's journal_mode is %s, not wal: readers and writers block each other.")
        remedy = _(
            "Use a local disk: set IPMANAGER_DATA_DIR to one, "
            "or DATABASE_URL to a PostgreSQL server."
        )
        yield error(msg % journal, remedy)
    synchronous = _fetch_value("PRAGMA synchronous", alias)
    if synchronous < 2:
        msg = _("SQLite's synchronous is %s, not FULL: what was acknowledged can be lost.")
        remedy = _("Remove what sets it from your settings; IPManager itself sets FULL.")
        yield error(msg % synchronous, remedy)


_migrated: set[str] = set()  # databases that had every migration: migrations stay applied


@health_check(
    gettext_noop("migrations"),
    "database",
    BOUNDED,
    READY,
    summary=f"migrations are not applied (run: {manage_command('migrate')})",
)
def migrations() -> Iterator[Finding]:
    """The tables are those of this version."""
    missing = missing_migrations()
    if not missing:
        return
    text = ngettext(
        "%(number)d migration is not applied, the first is %(name)s.",
        "%(number)d migrations are not applied, the first is %(name)s.",
        len(missing),
    )
    msg = text % {"number": len(missing), "name": missing[0]}
    yield error(msg, _("Apply them."), manage_command("migrate"))


def missing_migrations() -> list[str]:
    """The migrations of this version that the database lacks, in order."""
    if connection.alias in _migrated:
        return []
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        _migrated.add(connection.alias)
    return [str(migration) for migration, _backwards in plan]


# --- settings and secrets -------------------------------------------------------------------------


@health_check(gettext_noop("settings"), "settings", needs_database=False)
def configuration() -> list[CheckMessage]:
    """`manage.py check` finds nothing."""
    return [message for message in run_checks() if not message.is_silenced()]


@health_check(gettext_noop("secret key"), "secrets", needs_database=False)
def secret_key() -> Iterator[Finding]:
    """SECRET_KEY cannot be guessed. Anyone who knows it can forge a session."""
    if not _is_weak(settings.SECRET_KEY):
        return
    remedy = _(
        "Unset it: IPManager then makes a random one and keeps it in %s. "
        "Or make one for all web nodes with the command."
    )
    yield error(
        _("IPMANAGER_SECRET_KEY can be guessed."),
        remedy % (settings.DATA_DIR / "secret_key"),
        "openssl rand -base64 48",
    )


def _is_weak(key: str) -> bool:
    if len(key) < KEY_LENGTH or len(set(key)) < KEY_VARIETY:
        return True
    return "insecure" in key or key.startswith("change")


@health_check(gettext_noop("passwords"), "secrets", SLOW)
def passwords() -> Iterator[Finding]:
    """No superuser has a password that attackers try first."""
    superusers = get_user_model().objects.filter(is_superuser=True, is_active=True)
    for user in superusers.order_by("pk")[:3]:
        name = user.get_username()
        if any(map(user.check_password, {name, *COMMON_PASSWORDS})):
            msg = _("The password of %s is one that attackers try first.") % name
            yield error(msg, _("Choose another."), manage_command(f"changepassword {name}"))


@health_check(gettext_noop("private files"), "secrets", needs_database=False)
def private_files() -> Iterator[Finding]:
    """Only their owner can read the files that hold secrets."""
    paths = [settings.DATA_DIR / "secret_key"]
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        paths += [Path(name), Path(f"{name}-wal")]
    for path in paths:
        if path.exists() and _is_open_to_all(path):
            msg = _("Every user of this machine can read or write %s.") % path
            yield error(msg, _("Make it private."), f"chmod 600 '{path}'")


def _is_open_to_all(path: Path) -> bool:
    """Whether its mode, and those of all directories above it, let every user in."""
    if not path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return False
    return all(directory.stat().st_mode & stat.S_IXOTH for directory in path.parents)


# --- the machine ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disk:
    """The free space of a file system, in bytes and inodes."""

    path: Path
    free: int
    size: int
    free_inodes: int
    counts_inodes: bool

    @classmethod
    def of(cls, path: Path) -> Disk:
        space = os.statvfs(path)
        block = space.f_frsize
        return cls(
            path,
            space.f_bavail * block,
            space.f_blocks * block,
            space.f_favail,
            bool(space.f_files),
        )

    @property
    def is_full(self) -> bool:
        return self.free < DISK_FULL or (self.counts_inodes and self.free_inodes < INODES_FULL)

    @property
    def is_nearly_full(self) -> bool:
        return self.free < DISK_NEARLY_FULL and self.free * 20 < self.size


@health_check(
    gettext_noop("disks"),
    "machine",
    BOUNDED,
    READY,
    needs_database=False,
    summary=f"a disk is full (run: {manage_command('doctor')})",
)
def disks() -> Iterator[Finding]:
    """There is room where IPManager writes."""
    for disk in _disks():
        facts = {
            "path": disk.path,
            "free": f"{disk.free / 2**20:.0f} MiB",
            "inodes": disk.free_inodes,
        }
        remedy = _("Make room. The command lists the largest directories.")
        command = f"du -xk '{disk.path}' | sort -n | tail"
        if disk.is_full:
            msg = _("The disk of %(path)s is full: %(free)s and %(inodes)d inodes are left.")
            yield error(msg % facts, remedy, command)
        elif disk.is_nearly_full:
            msg = _("The disk of %(path)s is nearly full: %(free)s are left.")
            yield warning(msg % facts, remedy, command)


def _disks() -> list[Disk]:
    """Each file system once, by the first of our directories on it."""
    directories = [
        settings.DATA_DIR,
        settings.DNSMASQ_DIR,
        settings.DNSMASQ_LEASES.parent,
        settings.BOOT_ROOT,
    ]
    by_device: dict[int, Disk] = {}
    for path in directories:
        if path.exists():
            by_device.setdefault(path.stat().st_dev, Disk.of(path))
    return list(by_device.values())


@health_check(gettext_noop("clock"), "machine", BOUNDED)
def clock() -> Iterator[Finding]:
    """The clock is right: leases, tokens and services expire by it."""
    if connection.vendor == "postgresql":
        database_time = _fetch_value("SELECT clock_timestamp()")
        difference = (datetime.now(UTC) - database_time).total_seconds()
        msg = _("The clock of this machine is %(seconds)+.0f s from the database's.")
        yield from _clock_findings(msg, difference)
    for worker in filter(worker_heartbeat.began_since_start, worker_heartbeat.seen()):
        step = worker_heartbeat.clock_offset() - worker.offset
        msg = _(
            "The clock of this machine is %(seconds)+.0f s from "
            "what it was when the worker started."
        )
        yield from _clock_findings(msg, step)


def _clock_findings(msg: str, seconds: float) -> Iterator[Finding]:
    if abs(seconds) > CLOCK_TOLERANCE:
        remedy = _(
            "Synchronise the clock by NTP. If the new time is the right one, restart the worker."
        )
        yield error(msg % {"seconds": seconds}, remedy, "timedatectl set-ntp true")


# --- what runs ------------------------------------------------------------------------------------


@health_check(
    gettext_noop("worker"),
    "worker",
    BOUNDED,
    READY_WARNING,
    summary="no worker has reported for a minute",
)
def worker() -> Iterator[Finding]:
    """A worker runs: it retries syncs, reads leases and expires services."""
    newest: Any = worker_heartbeat.seen().first()
    if newest is None:
        msg = _("No worker runs: failed syncs are not retried, leases are not read.")
    elif worker_heartbeat.has_ended(newest):
        text = _("The worker on %(host)s, process %(pid)d, has ended.")
        msg = text % {"host": newest.host, "pid": newest.pid}
    elif not worker_heartbeat.is_fresh(newest):
        age = (newest.now - newest.seen_at).total_seconds()
        text = _("The worker on %(host)s was last seen %(seconds).0f s ago.")
        msg = text % {"host": newest.host, "seconds": age}
    else:
        yield ok(_("The worker runs on %s.") % newest.host)
        return
    if is_installed():
        yield error(msg, _("Start it, as root."), "systemctl restart ipmanager-worker")
    else:
        remedy = _("Start it, as a service of its own or as part of “manage.py run”.")
        yield error(msg, remedy, manage_command("worker"))


@health_check(gettext_noop("web server"), "web", SLOW, needs_database=False)
def web_server() -> Iterator[Finding]:
    """A web server answers at IPMANAGER_BIND. Hosts that are not web nodes have none."""
    host, port = settings.BIND
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        status = _request_healthz(LOOPBACK.get(host, host), port)
    except (OSError, HTTPException) as failure:
        msg = _("No web server of IPManager answers at %(place)s: %(why)s.")
        remedy = _("Start it, as root. On a host that is not a web node, ignore this.")
        yield warning(
            msg % {"place": place, "why": failure or "?"},
            remedy,
            "systemctl restart ipmanager-service",
        )
        return
    if status >= 500:
        msg = _("The web server at %(place)s answers %(status)d.")
        yield warning(msg % {"place": place, "status": status})


def _request_healthz(host: str, port: int) -> int:
    with closing(HTTPConnection(host, port, timeout=5)) as client:
        client.request("GET", "/healthz", headers={"Host": "localhost"})
        return client.getresponse().status
