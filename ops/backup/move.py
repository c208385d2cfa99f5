"""Move an installation from SQLite to PostgreSQL: every row of every table is copied and compared,
or nothing changes.

Nobody can write to the SQLite file meanwhile. Afterwards its ledger is frozen, so that a process
that still uses it hands out no address and says why."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.models.functions import Collate

from core import env
from core.commands import manage_command
from core.database import triggers
from core.errors import Conflict, IPManagerError, Unavailable
from core.history import install as history
from dhcp.sql import database as dhcp_sql
from ipam import freeze
from ipam.models import Stamp
from ipam.sql import database as ipam_sql
from ops import health_checks
from ops.backup import tables
from ops.backup.archive import OnProgress
from ops.supervisor import lock_data_dir

TARGET = "target"  # the alias of the new database
MOVED = "it was moved to PostgreSQL; DATABASE_URL still names the SQLite file"
MOVE, SWITCH = "move", "switch"  # answers of plan()
_CHUNK = 2000  # rows
# Columns that differ in the new place: the table and the timeline of the stamp (ipam/freeze.py).
_NOT_COMPARED: dict[type[models.Model], set[str]] = {Stamp: {"home", "timeline"}}


@dataclass(frozen=True, slots=True)
class Moved:
    """The rows that were moved, by table."""

    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Different(IPManagerError):
    """A row in the new database differs from the original."""

    code = "different"


def move(url: str, progress: OnProgress) -> Moved:
    """Move everything to the empty PostgreSQL database of this URL. Raises IPManagerError; then
    nothing was moved."""
    started = time.monotonic()
    if connection.vendor != "sqlite":
        raise Conflict(
            "DATABASE_URL names PostgreSQL already",
            hint="run this with the settings of the SQLite site",
        )
    target = env.parse_database("the target", url)
    if not target["ENGINE"].endswith("postgresql"):
        raise Conflict(
            "the target is not a PostgreSQL database", hint="give postgres://USER@HOST:PORT/NAME"
        )
    with ExitStack() as stack:
        stack.enter_context(lock_data_dir(settings.DATA_DIR))
        _require_migrations()
        _register_target(target)
        stack.callback(connections[TARGET].close)
        _require_empty_target()
        _migrate(url)
        rows = _move(progress)
    freeze.freeze(MOVED, logging.INFO)
    return Moved(rows, time.monotonic() - started)


def plan(url: str) -> str:
    """What has to happen before DATABASE_URL may name this database, empty for the SQLite file:
    MOVE if the ledger in use is in SQLite and the target is an empty PostgreSQL; SWITCH if no
    ledger would be left behind. Raises Conflict where one would be, Unavailable."""
    target = env.parse_database("the target", url or f"sqlite:///{_sqlite_file()}")
    rows = _rows_in_use()
    if not rows:
        return SWITCH
    to_postgresql = target["ENGINE"].endswith("postgresql")
    if not to_postgresql and not Path(target["NAME"]).exists():
        raise _left_behind(rows, target)
    _register_target(target)
    if connection.vendor == "sqlite" and to_postgresql:
        _require_empty_target()
        return MOVE
    if not _rows_in_target() or _was_moved(TARGET):
        raise _left_behind(rows, target)
    return SWITCH


def _sqlite_file() -> Path:
    return settings.DATA_DIR / "ipmanager.sqlite3"


def _rows_in_use() -> str:
    """What the database of the settings holds, in words; empty if no ledger is in use there."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return ""
    try:
        rows = tables.rows_in_use()
        if not rows or _was_moved(DEFAULT_DB_ALIAS):
            return ""
    except DatabaseError as error:
        return f"it does not answer: {' '.join(str(error).split())}"
    return tables.in_words(rows)


def _was_moved(alias: str) -> bool:
    """Whether its ledger is frozen because it goes on in PostgreSQL."""
    with connections[alias].cursor() as cursor:
        if Stamp._meta.db_table not in tables.table_names(cursor):
            return False
        cursor.execute(f"SELECT count(*) FROM {Stamp._meta.db_table} WHERE reason = %s", [MOVED])
        (moved,) = cursor.fetchone()
    return bool(moved)


def _left_behind(rows: str, target: dict[str, Any]) -> Conflict:
    return Conflict(
        f"the ledger in use ({rows}) would be left behind: {target['NAME']} holds none",
        hint="only SQLite moves to PostgreSQL; restore a backup into another PostgreSQL first. "
        "To begin anew, change DATABASE_URL by hand",
    )


def _require_migrations() -> None:
    if missing := health_checks.missing_migrations():
        command = manage_command("migrate")
        raise Unavailable(f"{len(missing)} migrations are not applied", hint=f"run: {command}")


def _register_target(target: dict[str, Any]) -> None:
    """Let Django know the target beside the database of the settings."""
    databases = {**connections.settings, TARGET: target}
    connections.settings = connections.configure_settings(databases)
    if hasattr(connections._connections, TARGET):  # type: ignore[attr-defined]
        del connections[TARGET]


def _rows_in_target() -> dict[str, int]:
    try:
        return tables.rows_in_use(TARGET)
    except DatabaseError as error:
        raise Unavailable(
            f"the target: {' '.join(str(error).split())}", hint="check its URL"
        ) from error


def _require_empty_target() -> None:
    name = connections[TARGET].settings_dict["NAME"]
    if rows := _rows_in_target():
        raise Conflict(
            f"the database {name} is not empty ({tables.in_words(rows)})",
            hint="make a new one: createdb NAME",
        )


def _migrate(url: str) -> None:
    """Make the tables of the target, in a process that knows no other database."""
    manage = str(settings.BASE_DIR / "manage.py")
    environment = dict(os.environ)
    environment.pop("DATABASE_URL_FILE", None)
    environment |= {"DATABASE_URL": url, "IPMANAGER_DATA_DIR": str(settings.DATA_DIR)}
    done = subprocess.run(
        [sys.executable, manage, "migrate", "--no-input", "--verbosity=0"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        messages = done.stderr.strip().splitlines() or ["migrate failed"]
        raise Unavailable(f"the target: {messages[-1]}")


def _move(progress: OnProgress) -> dict[str, int]:
    """Copy and compare, in one transaction on either side; the one on SQLite blocks other writers.
    Returns the rows by table."""
    found = tables.all_models()
    with (
        transaction.atomic(),
        transaction.atomic(using=TARGET),
        connections[TARGET].cursor() as cursor,
    ):
        for owner in triggers.owners():
            triggers.remove(connections[TARGET], owner)
        _truncate(found, cursor)
        for number, model in enumerate(found):
            progress("move", number, len(found))
            _copy(model, cursor)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _set_sequences(cursor)
        Stamp.objects.using(TARGET).write_home()
        for label, sql in (("ipam", ipam_sql), ("dhcp", dhcp_sql)):
            sql.install(apps.get_app_config(label), using=TARGET)
        history.install_all(using=TARGET)
        rows: dict[str, int] = {}
        for number, model in enumerate(found):
            progress("compare", number, len(found))
            rows[model._meta.db_table] = _compare(model)
    return rows


def _truncate(found: Iterable[type[models.Model]], cursor: Any) -> None:
    quote = connections[TARGET].ops.quote_name
    names = ", ".join(quote(model._meta.db_table) for model in found)
    cursor.execute(f"TRUNCATE {names}")


def _copy(model: type[models.Model], cursor: Any) -> None:
    target, fields = connections[TARGET], model._meta.concrete_fields
    columns = ", ".join(target.ops.quote_name(field.column or "") for field in fields)
    table = target.ops.quote_name(model._meta.db_table)
    try:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in _rows(model, DEFAULT_DB_ALIAS):
                pairs = zip(fields, row, strict=True)
                copy.write_row([field.get_db_prep_save(value, target) for field, value in pairs])
    except Exception as error:
        raise Unavailable(
            f"{table}: {' '.join(str(error).split())}", hint="nothing was moved"
        ) from error


def _rows(model: type[models.Model], alias: str) -> Iterator[tuple[Any, ...]]:
    """All rows as Python values, by primary key. Text keys are ordered by their bytes on both
    databases."""
    order: Any = "pk"
    if isinstance(model._meta.pk, models.CharField) and connections[alias].vendor == "postgresql":
        order = Collate("pk", "C")
    rows: models.QuerySet[Any] = models.QuerySet(model, using=alias).order_by(order)
    return rows.values_list(*_column_names(model)).iterator(chunk_size=_CHUNK)


def _column_names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _compare(model: type[models.Model]) -> int:
    """The number of rows. Raises Different at the first that differs."""
    table, names = model._meta.db_table, _column_names(model)
    skipped = [names.index(name) for name in _NOT_COMPARED.get(model, ())]
    copies = _rows(model, TARGET)
    count = 0
    for count, row in enumerate(_rows(model, DEFAULT_DB_ALIAS), 1):  # noqa: B007
        if _comparable(row, skipped) != _comparable(next(copies, ()), skipped):
            raise Different(f"{table} {row[0]} differs after the move", hint="nothing was moved")
    if next(copies, None) is not None:
        raise Different(f"{table} has more rows than before", hint="nothing was moved")
    return count


def _comparable(row: tuple[Any, ...], skipped: Sequence[int]) -> list[Any]:
    """The values that must be equal on both databases."""
    values = []
    for place, value in enumerate(row):
        if isinstance(value, memoryview):
            value = bytes(value)
        if place not in skipped:
            values.append(value)
    return values


def _set_sequences(cursor: Any) -> None:
    """New keys continue where SQLite's would have, so no key is used twice."""
    with connection.cursor() as source:
        source.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0")
        last_keys = dict(source.fetchall())
    for model in tables.all_models():
        table, key = model._meta.db_table, model._meta.pk
        if table in last_keys and isinstance(key, models.AutoField):
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
                [f'"{table}"', key.column, last_keys[table]],
            )
