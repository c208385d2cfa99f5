"""Make a backup. Under its final name an archive is always complete; older ones are removed only
after that."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import IO

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core import env, files
from core.errors import Unavailable
from ipam.models import Stamp
from ops.backup import encryption, postgresql, sqlite
from ops.backup.archive import Manifest, OnProgress, Writer

ARCHIVES = ("ipmanager-*.tar", "ipmanager-*.tar.age")
SECRET_KEY, ENVIRONMENT = "secret_key", "environment"  # members of the archive
_SCRATCH = ".ipmanager-begun-"  # directories of backups that are not complete
# Who has an archive must not have the keys that authenticate and open the others.
_LEFT_OUT = ("IPMANAGER_BACKUP_KEY", "IPMANAGER_BACKUP_IDENTITY")
_SETTINGS = ("IPMANAGER_", "DATABASE_URL", "TZ", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, and the older ones that were removed for it."""

    path: Path
    size: int
    seconds: float
    manifest: Manifest
    removed: list[Path]


def file_trees() -> dict[str, Path]:
    """The directories whose files are part of a backup, by their names in it."""
    return {"boot": settings.BOOT_ROOT, "tftp": settings.TFTP_ROOT}


def database_tool() -> ModuleType:
    """The module that dumps and loads this kind of database."""
    return postgresql if connection.vendor == "postgresql" else sqlite


def make(
    directory: Path, *, keep: int = 0, boot_files: bool = True, progress: OnProgress
) -> Backup:
    """Make an archive in the directory; `keep` is the number of archives that stay, 0 for all.
    Raises Unavailable."""
    started = time.monotonic()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            files.lock(directory / ".lock", timeout=0),
            files.lock(settings.DATA_DIR / ".backup.lock", timeout=0),
        ):
            _remove_incomplete(directory)
            _remove_incomplete(settings.DATA_DIR)
            path, manifest = _make(directory, boot_files, progress)
            removed = _remove_old(directory, keep)
    except files.Locked as error:
        raise Unavailable(
            f"another backup is in progress ({directory})", hint="wait for its end"
        ) from error
    except OSError as error:
        raise Unavailable(
            f"cannot write {error.filename or directory}: {error.strerror}"
        ) from error
    return Backup(path, path.stat().st_size, time.monotonic() - started, manifest, removed)


def newest(directory: Path) -> Path | None:
    """The newest archive of the directory."""
    archives = _newest_first(directory)
    return archives[0] if archives else None


def _newest_first(directory: Path) -> list[Path]:
    found = [path for pattern in ARCHIVES for path in directory.glob(pattern)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _make(directory: Path, boot_files: bool, progress: OnProgress) -> tuple[Path, Manifest]:
    now = datetime.now(UTC)
    path = directory / f"ipmanager-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}.tar"
    recipients = settings.BACKUP_RECIPIENTS
    # What is not encrypted yet stays where the database is.
    plain = settings.DATA_DIR if recipients else directory
    if recipients:
        path = path.with_name(path.name + encryption.SUFFIX)
    with _scratch(directory) as place, _scratch(plain) as plain_place:
        archive, dump = place / "archive", plain_place / "dump"
        rows = database_tool().dump(dump, progress)
        members = {database_tool().MEMBER: dump}
        if boot_files:
            members.update(_boot_files())
        with _create_private(archive) as target, _encrypting(target, recipients) as stream:
            expected = sum(file.stat().st_size for file in members.values())
            writer = Writer(stream, progress, expected, settings.BACKUP_KEY)
            for name, file in members.items():
                writer.add(name, file)
            writer.add_bytes(SECRET_KEY, settings.SECRET_KEY.encode())
            writer.add_bytes(ENVIRONMENT, environment().encode())
            manifest = writer.finish(
                version=settings.VERSION,
                made_at=now.isoformat(timespec="seconds"),
                engine=connection.vendor,
                ledger=_ledger_name(),
                rows=rows,
                migrations=_migrations(),
            )
        _sync(archive)
        archive.rename(path)
        files.sync_directory(directory)
    return path, manifest


def _scratch(directory: Path) -> AbstractContextManager[Path]:
    """A directory that is removed afterwards, and by the next backup if this one is killed."""
    return _path_of(tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=directory))


@contextmanager
def _path_of(directory: tempfile.TemporaryDirectory[str]) -> Iterator[Path]:
    with directory as name:
        yield Path(name)


def _encrypting(target: IO[bytes], recipients: Path | None) -> AbstractContextManager[IO[bytes]]:
    if recipients is None:
        return nullcontext(target)
    return encryption.encrypting(target, recipients)


def environment() -> str:
    """Every setting of this process as lines of an environment file. Settings that are read from a
    file are written with their value."""
    names = {name.removesuffix("_FILE") for name in os.environ if name.startswith(_SETTINGS)}
    names.difference_update(_LEFT_OUT)
    return "".join(f"{name}={env.text(name)}\n" for name in sorted(names))


def _boot_files() -> Iterator[tuple[str, Path]]:
    """Boot files with their names in the archive, without links, which lead elsewhere, and hidden
    files, which are not complete."""
    for tree, root in file_trees().items():
        for path in sorted(root.rglob("*")):
            name = f"{tree}/{path.relative_to(root).as_posix()}"
            if path.is_file() and not path.is_symlink() and "/." not in name:
                yield name, path


def _ledger_name() -> str:
    stamp = Stamp.objects.first()
    return stamp.ledger if stamp else ""


def _migrations() -> list[str]:
    return sorted(map(".".join, MigrationRecorder(connection).applied_migrations()))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _create_private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _remove_incomplete(directory: Path) -> None:
    """Remove what killed backups have left. The caller holds the lock, so no other backup runs."""
    for left in directory.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _remove_old(directory: Path, keep: int) -> list[Path]:
    """Remove all archives but the newest `keep`; none if that is 0."""
    if not keep:
        return []
    old = _newest_first(directory)[keep:]
    for path in old:
        path.unlink()
    return old
