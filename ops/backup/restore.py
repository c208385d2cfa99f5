"""Get a backup back. It is read whole before anything is touched; the database changes in one
transaction."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from core.errors import Conflict, Invalid, Unavailable
from ipam import freeze
from ops.backup import archive, make, postgresql, sqlite, tables
from ops.backup.archive import Manifest, Progress
from ops.prepare import create_private_database

LIVELY = (
    "ipmanager_pulse",
    "django_session",
    "axes_",
)  # what runs meanwhile may write there at any moment


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do."""

    path: Path
    manifest: Manifest
    replaces: dict[str, int]  # rows of the telling tables that are there now
    unreadable: str = ""  # why nobody can tell what is there now


@dataclass(frozen=True, slots=True)
class Restored:
    plan: Plan
    files: list[str]
    seconds: float


def plan(path: Path, progress: Progress) -> Plan:
    """Check the archive and look at what is there. Nothing is changed. Raises Invalid, NotFound."""
    manifest = archive.check(path, progress)
    if manifest.engine != connection.vendor:
        raise Invalid(
            f"{path} is a backup of {manifest.engine}, and DATABASE_URL names {connection.vendor}",
            hint="restore it to a database of its kind; move_to_postgresql moves it from there",
        )
    if unknown := _unknown(manifest):
        raise Invalid(
            f"{path} was made by a newer version ({manifest.version}): {unknown[0]} is unknown here",
            hint="install that version first",
        )
    try:
        return Plan(path, manifest, tables.holds())
    except DatabaseError as error:
        connection.close()
        return Plan(path, manifest, {}, " ".join(str(error).split()))


def refuse_to_replace(found: Plan) -> None:
    """Raise Conflict when the restore would take somebody's ledger away."""
    name = connection.settings_dict["NAME"]
    if found.replaces:
        held = ", ".join(f"{rows} {table}" for table, rows in found.replaces.items())
        raise Conflict(
            f"the database {name} is not empty ({held})", hint="to replace all of it: --overwrite"
        )
    if found.unreadable:
        raise Conflict(
            f"the database {name} cannot be read: {found.unreadable}",
            hint="to replace it: --overwrite",
        )


def restore(found: Plan, progress: Progress) -> Restored:
    """Do it: database, boot files, secret key; then the ledger is frozen (ipam/freeze.py)."""
    started = time.monotonic()
    reason = f"{found.path.name}, made at {found.manifest.made_at}"
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.DATA_DIR) as scratch:
            _load(found, Path(scratch), reason, progress)
        _require_rows(found.manifest)
        progress("migrate", 0, 1)
        call_command("migrate", interactive=False, verbosity=0)
        freeze.freeze(reason)
        written = archive.unpack(found.path, _place, 0o644)
        _keep_secret_key(found.path)
    except OSError as error:
        raise Unavailable(f"cannot write {error.filename}: {error.strerror}") from error
    return Restored(found, written, time.monotonic() - started)


def _load(found: Plan, scratch: Path, reason: str, progress: Progress) -> None:
    progress("load", 0, 1)
    tool = make.tool()
    dump = scratch / "dump"
    archive.unpack(found.path, lambda name: dump if name == tool.MEMBER else None)
    if tool is postgresql:
        connection.close()
        postgresql.load(dump, list(found.manifest.rows))
    else:
        create_private_database()
        sqlite.load(dump, reason)


def _require_rows(manifest: Manifest) -> None:
    """As many rows in every table as the backup counted. Raises Unavailable."""
    with connection.cursor() as cursor:
        now = tables.count(cursor, tables.there(cursor))
    fixed = {name: rows for name, rows in manifest.rows.items() if not name.startswith(LIVELY)}
    if wrong := [name for name, rows in fixed.items() if now.get(name) != rows]:
        counts = f"{now.get(wrong[0])} rows instead of {manifest.rows[wrong[0]]}"
        raise Unavailable(
            f"after the restore {wrong[0]} has {counts}", hint="a bug; please report it"
        )


def _place(name: str) -> Path | None:
    """Where a boot file belongs; None for what is no boot file."""
    tree, _slash, rest = name.partition("/")
    root = make.trees().get(tree)
    return archive.below(root, rest) if root and rest else None


def _keep_secret_key(path: Path) -> None:
    """Sessions and links go on to hold, unless the environment names another key."""
    if os.environ.get("IPMANAGER_SECRET_KEY") or os.environ.get("IPMANAGER_SECRET_KEY_FILE"):
        return
    target = settings.DATA_DIR / "secret_key"
    archive.unpack(path, lambda name: target if name == make.SECRET_KEY else None, 0o600)


def _unknown(manifest: Manifest) -> list[str]:
    """Migrations that this version does not have."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations} | {
        f"{app}.{name}"
        for migration in loader.disk_migrations.values()
        for app, name in migration.replaces
    }
    apps = {app for app, _name in loader.disk_migrations}
    return [
        name for name in manifest.migrations if name not in known and name.partition(".")[0] in apps
    ]
