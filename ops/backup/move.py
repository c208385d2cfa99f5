"""From SQLite to PostgreSQL: every row of every table, compared one by one before it counts; all of
it or nothing.

Nobody writes to the SQLite file meanwhile, and afterwards it hands out no address: who forgets to
change DATABASE_URL is told so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, models, transaction
from django.db.models.functions import Collate

from core import env, triggers
from core.errors import Conflict, IPManagerError, Unavailable
from core.findings import manage_command
from dhcp.sql import database as dhcp_database
from ipam import freeze
from ipam.models import Stamp
from ipam.sql import database as ledger
from ops import health_checks
from ops.backup import tables
from ops.backup.archive import Progress
from ops.supervisor import lock_data_dir

TARGET = "target"
_AT_ONCE = 2000
# Of the new place only: which table the stamp is in (ipam/freeze.py).
_OTHERWISE: dict[type[models.Model], set[str]] = {Stamp: {"home"}}


@dataclass(frozen=True, slots=True)
class Moved:
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Different(IPManagerError):
    """A row did not arrive as it was."""

    code = "different"


def move(url: str, progress: Progress) -> Moved:
    """Move everything to the empty PostgreSQL database of this URL. Raises IPManagerError; then
    nothing was moved."""
    started = time.monotonic()
    if connection.vendor != "sqlite":
        raise Conflict(
            "DATABASE_URL names PostgreSQL already",
            hint="run this with the settings of the SQLite site",
        )
    entry = env.parse_database("the target", url)
    if not entry["ENGINE"].endswith("postgresql"):
        raise Conflict(
            "the target is no PostgreSQL database", hint="give postgres://USER@HOST:PORT/NAME"
        )
    with ExitStack() as stack:
        stack.enter_context(lock_data_dir(settings.DATA_DIR))
        _require_migrations()
        _introduce(entry)
        stack.callback(connections[TARGET].close)
        _refuse_to_replace()
        _migrate(url)
        rows = _move(progress)
    freeze.freeze("it was moved to PostgreSQL; DATABASE_URL still names the SQLite file")
    return Moved(rows, time.monotonic() - started)


def _require_migrations() -> None:
    if missing := health_checks.missing_migrations():
        command = manage_command("migrate")
        raise Unavailable(f"{len(missing)} migrations are not applied", hint=f"run: {command}")


def _introduce(entry: dict[str, Any]) -> None:
    """Make the target known beside the database of the settings."""
    databases = {**connections.settings, TARGET: entry}
    connections.settings = connections.configure_settings(databases)
    if hasattr(connections._connections, TARGET):  # type: ignore[attr-defined]
        del connections[TARGET]


def _refuse_to_replace() -> None:
    name = connections[TARGET].settings_dict["NAME"]
    try:
        held = tables.holds(TARGET)
    except DatabaseError as error:
        raise Unavailable(
            f"the target: {' '.join(str(error).split())}", hint="check its URL"
        ) from error
    if held:
        listed = ", ".join(f"{rows} {table}" for table, rows in held.items())
        raise Conflict(
            f"the database {name} is not empty ({listed})", hint="make a new one: createdb NAME"
        )


def _migrate(url: str) -> None:
    """By a process of its own, for which the target is the only database."""
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "migrate",
        "--no-input",
        "--verbosity=0",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL_FILE"}
    environment |= {"DATABASE_URL": url, "IPMANAGER_DATA_DIR": str(settings.DATA_DIR)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(
            f"the target: {(done.stderr.strip().splitlines() or ['migrate failed'])[-1]}"
        )


def _move(progress: Progress) -> dict[str, int]:
    """In one transaction on either side; the one on SQLite keeps everybody else from writing."""
    found = tables.all_models()
    with (
        transaction.atomic(),
        transaction.atomic(using=TARGET),
        connections[TARGET].cursor() as cursor,
    ):
        for owner in triggers.OWNERS:
            triggers.remove(connections[TARGET], owner)
        quote = connections[TARGET].ops.quote_name
        cursor.execute("TRUNCATE " + ", ".join(quote(model._meta.db_table) for model in found))
        for number, model in enumerate(found):
            progress("move", number, len(found))
            _copy(model, cursor)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _set_sequences(cursor)
        Stamp.objects.using(TARGET).settle()
        for label, module in (("ipam", ledger), ("dhcp", dhcp_database)):
            module.install(apps.get_app_config(label), using=TARGET)
        rows: dict[str, int] = {}
        for number, model in enumerate(found):
            progress("compare", number, len(found))
            rows[model._meta.db_table] = _compare(model)
    return rows


def _copy(model: type[models.Model], cursor: Any) -> None:
    target, fields = connections[TARGET], model._meta.concrete_fields
    columns = ", ".join(target.ops.quote_name(field.column or "") for field in fields)
    table = target.ops.quote_name(model._meta.db_table)
    try:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in _rows(model, DEFAULT_DB_ALIAS):
                copy.write_row(
                    [
                        field.get_db_prep_save(value, target)
                        for field, value in zip(fields, row, strict=True)
                    ]
                )
    except Exception as error:
        raise Unavailable(
            f"{table}: {' '.join(str(error).split())}", hint="nothing was moved"
        ) from error


def _rows(model: type[models.Model], using: str) -> Iterator[tuple[Any, ...]]:
    """Every row as Python sees it, in the order of the keys: texts by their bytes, as SQLite
    does."""
    key = model._meta.pk
    by_bytes = isinstance(key, models.CharField) and connections[using].vendor == "postgresql"
    rows: models.QuerySet[Any] = models.QuerySet(model, using=using).order_by(
        Collate("pk", "C") if by_bytes else "pk"
    )
    names = [field.attname for field in model._meta.concrete_fields]
    yield from rows.values_list(*names).iterator(chunk_size=_AT_ONCE)


def _compare(model: type[models.Model]) -> int:
    """How many rows are alike. Raises Different at the first that is not."""
    names = [field.attname for field in model._meta.concrete_fields]
    skipped = {names.index(name) for name in _OTHERWISE.get(model, ())}
    there = _rows(model, TARGET)
    count = 0
    for count, row in enumerate(_rows(model, DEFAULT_DB_ALIAS), 1):  # noqa: B007
        if _told(row, skipped) != _told(next(there, ()), skipped):
            raise Different(
                f"{model._meta.db_table} {row[0]} did not arrive as it is", hint="nothing was moved"
            )
    if next(there, None) is not None:
        raise Different(
            f"{model._meta.db_table} has more rows than before", hint="nothing was moved"
        )
    return count


def _told(row: tuple[Any, ...], skipped: set[int]) -> list[Any]:
    plain = (bytes(value) if isinstance(value, memoryview) else value for value in row)
    return [value for place, value in enumerate(plain) if place not in skipped]


def _set_sequences(cursor: Any) -> None:
    """New keys go on where SQLite would have gone on: no number comes twice."""
    with connection.cursor() as source:
        source.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0")
        last = dict(source.fetchall())
    for model in tables.all_models():
        if (table := model._meta.db_table) in last and isinstance(model._meta.pk, models.AutoField):
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
                [f'"{table}"', model._meta.pk.column, last[table]],
            )
