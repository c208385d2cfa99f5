"""Restore a backup. The whole archive is checked before anything changes; the database changes in
one transaction."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from core.errors import Conflict, Invalid, Unavailable
from ipam import freeze
from ops.backup import access, archive, make, postgresql, sqlite, tables
from ops.backup.access import Ended, Returning
from ops.backup.archive import Manifest, OnProgress
from ops.prepare import create_private_database

# Prefixes of tables that running processes may write to at any moment.
VOLATILE = ("ipmanager_pulse", "django_session", "accounts_", "axes_")
UNUSED = {"auth_user": 1}  # rows of an installation that nobody has used yet


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do."""

    path: Path
    manifest: Manifest
    replaces: dict[str, int]  # rows that it would delete, by table
    unreadable: str = ""  # why they are not known
    ended: Ended = field(default_factory=Ended)
    returning: Returning = field(default_factory=Returning)  # access that was ended since


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done."""

    plan: Plan
    files: list[str]
    seconds: float


def plan(path: Path, progress: OnProgress, *, unauthenticated: bool = False) -> Plan:
    """Check the archive and look what is in the database; nothing changes. With a key in
    IPMANAGER_BACKUP_KEY the archive has to be made with it, unless `unauthenticated`. Raises
    Invalid, NotFound."""
    key = None if unauthenticated else settings.BACKUP_KEY or None
    manifest = archive.check(path, progress, key)
    if manifest.engine != connection.vendor:
        raise Invalid(
            f"{path} is a backup of {manifest.engine}, and DATABASE_URL names {connection.vendor}",
            hint="restore it to a database of its kind; move_to_postgresql moves it from there",
        )
    if unknown := _unknown_migrations(manifest):
        raise Invalid(
            f"{path} was made by a newer version ({manifest.version}): "
            f"{unknown[0]} is unknown here",
            hint="install that version first",
        )
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return Plan(path, manifest, {})  # to connect would make a file that everybody may read
    try:
        replaces = tables.rows_in_use()
    except DatabaseError as error:
        connection.close()
        return Plan(path, manifest, {}, " ".join(str(error).split()))
    ended = access.ended()
    with _dump_of(path) as dump:
        return Plan(path, manifest, replaces, "", ended, access.returning(ended, dump))


@contextmanager
def _dump_of(path: Path) -> Iterator[Path]:
    """The dump in a checked archive, in a temporary file. Raises Unavailable."""
    member = make.database_tool().MEMBER
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.DATA_DIR) as scratch:
            dump = Path(scratch, "dump")
            archive.unpack(path, lambda name: dump if name == member else None)
            yield dump
    except OSError as error:
        raise Unavailable(f"cannot write {error.filename}: {error.strerror}") from error


def refuse_to_replace(found: Plan) -> None:
    """Raise Conflict if the restore would delete a ledger. The first user alone is none."""
    name = connection.settings_dict["NAME"]
    if found.replaces and found.replaces != UNUSED:
        raise Conflict(
            f"the database {name} is not empty ({tables.in_words(found.replaces)})",
            hint="to replace all of it: --overwrite",
        )
    if found.unreadable:
        raise Conflict(
            f"the database {name} cannot be read: {found.unreadable}",
            hint="to replace it: --overwrite",
        )


def restore(found: Plan, progress: OnProgress, *, bring_back: bool = False) -> Restored:
    """Restore database, boot files and secret key, and freeze the ledger (ipam/freeze.py). Tokens
    and users whose access was ended since stay without it, unless `bring_back`; all sessions end.
    Raises Conflict, Unavailable."""
    started = time.monotonic()
    reason = f"{found.path.name}, made at {found.manifest.made_at}"
    try:
        then = [] if bring_back else found.returning.statements()
        with _dump_of(found.path) as dump:
            _load(found, dump, reason, then, progress)
        _require_rows(found.manifest)
        progress("migrate", 0, 1)
        call_command("migrate", interactive=False, verbosity=0)
        access.settle(found.ended, bring_back=bring_back)
        freeze.freeze(reason)
        written = archive.unpack(found.path, _boot_file_path, 0o644)
        _restore_secret_key(found.path)
    except OSError as error:
        raise Unavailable(f"cannot write {error.filename}: {error.strerror}") from error
    return Restored(found, written, time.monotonic() - started)


def _load(found: Plan, dump: Path, reason: str, then: Sequence[str], progress: OnProgress) -> None:
    progress("load", 0, 1)
    if make.database_tool() is postgresql:
        connection.close()
        postgresql.load(dump, list(found.manifest.rows), then)
    else:
        create_private_database()
        sqlite.load(dump, reason, then)


def _require_rows(manifest: Manifest) -> None:
    """Raise Unavailable unless every table has as many rows as the backup counted."""
    with connection.cursor() as cursor:
        present = tables.count_rows(cursor, tables.table_names(cursor))
    for name, rows in manifest.rows.items():
        if _differs(name, present.get(name, -1), rows) and not name.startswith(VOLATILE):
            raise Unavailable(
                f"after the restore {name} has {present.get(name)} rows instead of {rows}",
                hint="this is a bug; report it",
            )


def _differs(table: str, present: int, rows: int) -> bool:
    """Whether a table has other rows than the backup. Ending access that the backup would give back
    writes lines of history."""
    if table.endswith("_history"):
        return present < rows
    return present != rows


def _boot_file_path(name: str) -> Path | None:
    """Where a boot file belongs; None for other members."""
    tree, _slash, rest = name.partition("/")
    root = make.file_trees().get(tree)
    return archive.path_below(root, rest) if root and rest else None


def _restore_secret_key(path: Path) -> None:
    """Keep sessions and links valid, unless the environment sets another key."""
    if os.environ.get("IPMANAGER_SECRET_KEY") or os.environ.get("IPMANAGER_SECRET_KEY_FILE"):
        return
    target = settings.DATA_DIR / "secret_key"
    archive.unpack(path, lambda name: target if name == make.SECRET_KEY else None, 0o600)


def _unknown_migrations(manifest: Manifest) -> list[str]:
    """Migrations in the archive that this version does not have."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    unknown = []
    for text in manifest.migrations:
        app, _dot, name = text.partition(".")
        if app in loader.migrated_apps and (app, name) not in known:
            unknown.append(text)
    return unknown
