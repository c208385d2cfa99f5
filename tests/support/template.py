"""A migrated database, made once for a run; every other one is a copy of it.

`manage.py migrate` takes five seconds of processor time, a copy a few milliseconds."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.core.management import call_command
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.support import postgres, shared

_TEMPLATE = "ipmanager_template"
# The stamp of the ledger shall not take it for a backup (ipam/freeze.py).
_AT_HOME = "UPDATE public.ledger_stamp SET home = 'public.ledger_stamp'::regclass::oid"
_serial = itertools.count()


def use_copy(name: str) -> str:
    """Connect this process to a new copy of the template; what to give to `drop` at the end."""
    copy = new_copy(name)
    connection.close()
    connection.settings_dict["NAME"] = copy
    return copy


def new_copy(name: str) -> str:
    """A migrated database without rows of ours; a name on PostgreSQL, a path on SQLite."""
    shared.once(f"template-{connection.vendor}", _make_template)
    if connection.vendor == "sqlite":
        shutil.copyfile(_sqlite_template(), name)
        return name
    run_alone(
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}",
    )
    return name


def cluster() -> Path:
    """The data directory of a PostgreSQL server that nobody runs, whose database is as `migrate`
    leaves it. For tests with a server of their own: a copy takes a tenth of a second, to make and
    fill one several."""
    shared.once("template-cluster", _make_cluster)
    return shared.directory() / "cluster"


@contextmanager
def own_server(home: Path, blocker: DjangoDbBlocker) -> Iterator[postgres.Server | None]:
    """A migrated database for tests that kill its server; SQLite has none: `db.sqlite3` in this
    directory."""
    if connection.vendor == "sqlite":
        with blocker.unblock():
            new_copy(f"{home}/db.sqlite3")
        yield None
        return
    with blocker.unblock():
        data = cluster()
    with postgres.running(postgres.DURABLE, data=data) as server:
        yield server


def _make_cluster() -> None:
    shared.once("template-dump", _dump_template)
    with postgres.running() as server:
        restore = [postgres.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        files = [f"--dbname={server.url}", f"--file={_dump()}", f"--command={_AT_HOME}"]
        subprocess.run([*restore, *files], check=True, capture_output=True)
        server.stop()
        shutil.move(server.home / "data", shared.directory() / "cluster")


def _dump_template() -> None:
    # Of a copy: nobody can make one of the template while somebody reads it.
    name = new_copy(f"dumped_{os.getpid()}")
    dump = [postgres.program("pg_dump"), "--no-owner", f"--dbname={url(name)}"]
    subprocess.run([*dump, f"--file={_dump()}"], check=True, capture_output=True)
    drop(name)


def _dump() -> Path:
    return shared.directory() / "template.sql"


def own_name(tmp_path: Path, purpose: str) -> str:
    """Name a database that no other test uses."""
    if connection.vendor == "sqlite":
        return f"{tmp_path}/{purpose}.sqlite3"
    return f"{purpose}_{os.getpid()}_{next(_serial)}"


def drop(name: str) -> None:
    if connection.vendor == "sqlite":
        Path(name).unlink(missing_ok=True)
    else:
        run_alone(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def url(name: str) -> str:
    """DATABASE_URL for another process: the database of this name on the server under test."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    at = connection.settings_dict
    login = quote(at["USER"], safe="") + (
        f":{quote(at['PASSWORD'], safe='')}" if at["PASSWORD"] else ""
    )
    return f"postgres://{login}@{quote(at['HOST'], safe='')}:{at['PORT']}/{name}"


def run_alone(*statements: str) -> None:
    """Run SQL on the server outside of any transaction and of the database under test."""
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _make_template() -> None:
    before = connection.settings_dict["NAME"]
    connection.close()
    if connection.vendor == "postgresql":
        run_alone(
            f"DROP DATABASE IF EXISTS {_TEMPLATE} WITH (FORCE)", f"CREATE DATABASE {_TEMPLATE}"
        )
        connection.settings_dict["NAME"] = _TEMPLATE
    else:
        connection.settings_dict["NAME"] = str(_sqlite_template())
    call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    connection.settings_dict["NAME"] = before


def _sqlite_template() -> Path:
    return shared.directory() / "template.sqlite3"
