"""What the site itself is examined for: database, secrets, disks, clock, worker."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
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

from core.findings import Exam, Finding, error, ok, warning
from ops import worker_heartbeat

SAFE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
}
SLOPPY = 5  # seconds that two clocks may differ
GUESSES = ("admin", "password", "ipmanager", "changeme", "secret", "admin123", "12345678")
SHORTEST_KEY, FEWEST_SIGNS = 32, 8
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (where to knock, not where to listen)
NO_ROOM, LITTLE_ROOM = 8 << 20, 200 << 20  # bytes


# --- the database ---------------------------------------------------------------------------------


def database() -> Iterator[Finding]:
    """It answers, and it is one that may be written to."""
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            standby = connection.vendor == "postgresql" and _asked("SELECT pg_is_in_recovery()")
    except DatabaseError as failure:
        yield _database_is_away(" ".join(str(failure).split()))
        return
    if standby:
        remedy = _(
            "Name the primary, too: DATABASE_URL=postgres://…@HOST1,HOST2/…?target_session_attrs=read-write"
        )
        yield error(_("The database is a standby: nothing can be saved."), remedy)
    elif connection.vendor == "postgresql" and (why := _cannot_write()):
        yield error(
            _("Nothing can be saved: %s") % why,
            _("Make room on the disk of the database's machine."),
        )


def _cannot_write() -> str:
    """Why PostgreSQL finds no room for half a megabyte, which goes at once; empty when it does. Its
    disk may be in another machine."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE doctors_try ON COMMIT DROP AS "
                "SELECT repeat('x', 1000) FROM generate_series(1, 500)"
            )
    except OperationalError as failure:
        return " ".join(str(failure).split())
    except ProgrammingError:  # this role may make no table: nothing is known
        pass
    return ""


def _database_is_away(why: str) -> Finding:
    said = _("The database does not answer: %s") % why
    if connection.vendor == "postgresql":
        return error(
            said, _("Start it, as root; or mend DATABASE_URL."), "systemctl start postgresql"
        )
    return error(
        said, _("See that the file and its directory belong to the user that IPManager runs as.")
    )


def _asked(sql: str, database: str = "default") -> object:
    with connections[database].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def durability(database: str = "default") -> Iterator[Finding]:
    """What was acknowledged survives the power: whoever got an address has it."""
    if connections[database].vendor == "sqlite":
        yield from _sqlite_durability(database)
        return
    with connections[database].cursor() as cursor:
        cursor.execute(
            "SELECT name, setting, source FROM pg_settings WHERE name = ANY(%s)", [list(SAFE)]
        )
        for name, value, source in sorted(cursor.fetchall()):
            if value not in SAFE[name]:
                said = _("PostgreSQL's %(name)s is %(value)s: what was acknowledged can be lost.")
                remedy, *commands = _postgres_remedy(name, source, database)
                yield error(said % {"name": name, "value": value}, remedy, *commands)


def _postgres_remedy(name: str, source: str, database: str) -> tuple[str, ...]:
    """Where the bad value comes from decides how it goes."""
    base, user = (
        connections[database].settings_dict["NAME"],
        connections[database].settings_dict["USER"],
    )
    sql = {
        "database": f'ALTER DATABASE "{base}" RESET {name}',
        "user": f'ALTER ROLE "{user}" RESET {name}',
        "database user": f'ALTER ROLE "{user}" IN DATABASE "{base}" RESET {name}',
    }.get(source, f"ALTER SYSTEM SET {name} = on")
    if source == "command line":
        return (
            _("Take %s away from the command line of the server, and start it again.")
            % f"-c {name}=…",
        )
    if source in ("client", "environment variable", "session"):
        return (_("Take %s out of DATABASE_URL and PGOPTIONS.") % name,)
    shell = (
        "manage.py dbshell --"
        if _asked(_IS_SUPERUSER, database) == "on"
        else f"sudo -u postgres psql -d {base}"
    )
    write_old_pages = ["sync"] if name == "fsync" else []
    return (
        _("Switch it on; it counts at once."),
        f"{shell} -c '{sql}' -c 'SELECT pg_reload_conf()'",
        *write_old_pages,
    )


_IS_SUPERUSER = "SELECT current_setting('is_superuser')"


def _sqlite_durability(database: str) -> Iterator[Finding]:
    journal, synchronous = (
        _asked(f"PRAGMA {name}", database) for name in ("journal_mode", "synchronous")
    )
    if journal != "wal":
        remedy = _(
            "It wants a local disk: set IPMANAGER_DATA_DIR to one, or DATABASE_URL to a PostgreSQL server."
        )
        yield error(
            _("SQLite's journal_mode is %s, not wal: readers and writers stop each other.")
            % journal,
            remedy,
        )
    if not isinstance(synchronous, int) or synchronous < 2:
        said = (
            _("SQLite's synchronous is %s, not FULL: what was acknowledged can be lost.")
            % synchronous
        )
        yield error(
            said, _("Take what sets it out of your settings; IPManager itself asks for FULL.")
        )


def migrations() -> Iterator[Finding]:
    """The tables are those of this version."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        text = ngettext(
            "%(number)d migration is not applied, the first is %(name)s.",
            "%(number)d migrations are not applied, the first is %(name)s.",
            len(missing),
        )
        said = text % {"number": len(missing), "name": missing[0][0]}
        yield error(said, _("Apply them."), "manage.py migrate")


# --- secrets --------------------------------------------------------------------------------------


def secret_key() -> Iterator[Finding]:
    """Who knows it can make himself anybody's session."""
    key = settings.SECRET_KEY
    weak = (
        len(key) < SHORTEST_KEY
        or len(set(key)) < FEWEST_SIGNS
        or "insecure" in key
        or key.startswith("change")
    )
    if weak:
        remedy = _(
            "Unset it: a random one is then made and kept in %s. Or make one for all web nodes with the command."
        )
        command = "openssl rand -base64 48"
        yield error(
            _("IPMANAGER_SECRET_KEY can be guessed."),
            remedy % (settings.DATA_DIR / "secret_key"),
            command,
        )


def passwords() -> Iterator[Finding]:
    """Of those who may do everything, nobody has a password that is tried first."""
    for user in (
        get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk")[:3]
    ):
        if any(user.check_password(guess) for guess in {user.get_username(), *GUESSES}):
            said = _("The password of %s is one that everybody tries first.") % user.get_username()
            yield error(
                said, _("Choose another."), f"manage.py changepassword {user.get_username()}"
            )


def private_files() -> Iterator[Finding]:
    """What holds secrets is for its owner alone."""
    names = [settings.DATA_DIR / "secret_key"]
    if connection.vendor == "sqlite":
        names += [Path(f"{connection.settings_dict['NAME']}{end}") for end in ("", "-wal")]
    for path in names:
        if (
            path.exists()
            and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
            and _is_within_reach(path)
        ):
            yield error(
                _("Every user of this machine can read %s.") % path,
                _("Close it."),
                f"chmod 600 '{path}'",
            )


def _is_within_reach(path: Path) -> bool:
    """Whether every directory above lets others pass."""
    return all(directory.stat().st_mode & stat.S_IXOTH for directory in path.parents)


# --- the machine ----------------------------------------------------------------------------------


def disks() -> Iterator[Finding]:
    """There is room where we write."""
    for path in _one_of_each_disk():
        space = os.statvfs(path)
        free, nodes = space.f_bavail * space.f_frsize, space.f_favail
        facts = {"path": path, "free": f"{free / 2**20:.0f} MiB", "nodes": nodes}
        remedy = _("Make room. What takes the most: see the command.")
        command = f"du -xk '{path}' | sort -n | tail"
        if free < NO_ROOM or (space.f_files and nodes < 100):
            said = _("The disk of %(path)s is full: %(free)s and %(nodes)d names are left.")
            yield error(said % facts, remedy, command)
        elif free < LITTLE_ROOM and free * 20 < space.f_blocks * space.f_frsize:
            yield warning(
                _("The disk of %(path)s is nearly full: %(free)s are left.") % facts,
                remedy,
                command,
            )


def _one_of_each_disk() -> Iterator[Path]:
    seen = set()
    for path in (
        settings.DATA_DIR,
        settings.DNSMASQ_DIR,
        settings.DNSMASQ_LEASES.parent,
        settings.BOOT_ROOT,
    ):
        if path.exists() and (device := path.stat().st_dev) not in seen:
            seen.add(device)
            yield path


def clock() -> Iterator[Finding]:
    """Leases, tokens and services end by it."""
    if connection.vendor == "postgresql":
        difference = (datetime.now(UTC) - _database_time()).total_seconds()
        if abs(difference) > SLOPPY:
            said = _("The clock of this machine is %(seconds)+.0f s from the database's.")
            yield error(said % {"seconds": difference}, *_set_the_clock())
    for worker in filter(worker_heartbeat.began_since_start, worker_heartbeat.seen()):
        step = worker_heartbeat.clock_offset() - worker.offset
        if abs(step) > SLOPPY:
            said = _(
                "The clock of this machine is %(seconds)+.0f s from what it was when the worker began."
            )
            yield error(said % {"seconds": step}, *_set_the_clock())


def _set_the_clock() -> tuple[str, ...]:
    return (
        _(
            "Let the machine keep its time by NTP; where the new time is the right one, start the worker again."
        ),
        "timedatectl set-ntp true",
    )


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


# --- what runs ------------------------------------------------------------------------------------


def worker() -> Iterator[Finding]:
    """Somebody retries, listens, sweeps."""
    newest: Any = worker_heartbeat.seen().first()
    if newest is None:
        said = _("No worker runs: failed syncs are not tried again, leases are not read.")
    elif worker_heartbeat.has_ended(newest):
        said = _("The worker on %(host)s, process %(pid)d, has ended.") % {
            "host": newest.host,
            "pid": newest.pid,
        }
    elif not worker_heartbeat.is_fresh(newest):
        said = _("The worker on %(host)s was last seen %(seconds).0f s ago.") % {
            "host": newest.host,
            "seconds": (newest.now - newest.seen_at).total_seconds(),
        }
    else:
        yield ok(_("The worker runs on %s.") % newest.host)
        return
    yield error(
        said,
        _("Start it, as a service of its own or as part of “manage.py run”."),
        "manage.py worker",
    )


def web_server() -> Iterator[Finding]:
    """It answers where the settings say. Other hosts than the web nodes have none."""
    host, port = settings.BIND
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        answer = _asked_healthz(EVERYWHERE.get(host, host), port)
    except (OSError, HTTPException) as failure:
        said = _("No web server of ours answers at %(place)s: %(why)s.")
        remedy = _("Start it, as root; on a host without one this is no news.")
        yield warning(
            said % {"place": place, "why": failure or "?"},
            remedy,
            "systemctl restart ipmanager-service",
        )
        return
    if answer >= 500:
        yield warning(
            _("The web server at %(place)s answers %(status)d.")
            % {"place": place, "status": answer}
        )


def _asked_healthz(host: str, port: int) -> int:
    with closing(HTTPConnection(host, port, timeout=5)) as caller:
        caller.request("GET", "/healthz", headers={"Host": "localhost"})
        return caller.getresponse().status


def configuration() -> Iterator[Finding]:
    """What `manage.py check` has to say."""
    for message in checks.run_checks():
        kind = error if message.level >= checks.ERROR else warning
        yield kind(f"{message.msg} ({message.id})", message.hint or "")


EXAMS = [
    Exam(gettext_noop("database"), database, asks_database=False),
    Exam(gettext_noop("durability"), durability),
    Exam(gettext_noop("migrations"), migrations),
    Exam(gettext_noop("settings"), configuration, asks_database=False),
    Exam(gettext_noop("secret key"), secret_key, asks_database=False),
    Exam(gettext_noop("passwords"), passwords, slow=True),
    Exam(gettext_noop("private files"), private_files, asks_database=False),
    Exam(gettext_noop("disks"), disks, asks_database=False),
    Exam(gettext_noop("clock"), clock),
    Exam(gettext_noop("worker"), worker),
    Exam(gettext_noop("web server"), web_server, slow=True, asks_database=False),
]
