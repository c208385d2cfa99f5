"""Make a backup. Under its final name there is a whole archive, or none; older ones go only after
that."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
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
from ops.backup import postgresql, sqlite
from ops.backup.archive import Manifest, Progress, Writer

NAMED = "ipmanager-*.tar"
_BEGUN = ".ipmanager-begun-"
SECRET_KEY, ENVIRONMENT = "secret_key", "environment"
_OURS = ("IPMANAGER_", "DATABASE_URL", "TZ", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")


@dataclass(frozen=True, slots=True)
class Made:
    path: Path
    size: int
    seconds: float
    manifest: Manifest
    removed: list[Path]


def trees() -> dict[str, Path]:
    """The directories whose files belong to a backup, by their names in it."""
    return {"boot": settings.BOOT_ROOT, "tftp": settings.TFTP_ROOT}


def tool() -> ModuleType:
    """What dumps and loads this kind of database."""
    return postgresql if connection.vendor == "postgresql" else sqlite


def make(directory: Path, *, keep: int = 0, boot_files: bool = True, progress: Progress) -> Made:
    """A new archive in the directory; with `keep` only so many of the newest stay. Raises
    Unavailable."""
    started = time.monotonic()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.lock(directory / ".lock", timeout=0):
            _remove_begun(directory)
            path, manifest = _make(directory, boot_files, progress)
            removed = _prune(directory, keep)
    except files.Locked as error:
        raise Unavailable(
            f"another backup into {directory} is under way", hint="wait for it"
        ) from error
    except OSError as error:
        raise Unavailable(
            f"cannot write {error.filename or directory}: {error.strerror}"
        ) from error
    return Made(path, path.stat().st_size, time.monotonic() - started, manifest, removed)


def newest(directory: Path) -> Path | None:
    """The last one that was made there."""
    return max(directory.glob(NAMED), default=None, key=lambda path: path.name)


def _make(directory: Path, boot_files: bool, progress: Progress) -> tuple[Path, Manifest]:
    now = datetime.now(UTC)
    path = directory / f"ipmanager-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}.tar"
    with tempfile.TemporaryDirectory(prefix=_BEGUN, dir=directory) as begun:
        archive, dump = Path(begun, "archive"), Path(begun, "dump")
        rows = tool().dump(dump, progress)
        found = list(_files()) if boot_files else []
        with _private(archive) as stream:
            expected = dump.stat().st_size + sum(file.stat().st_size for _name, file in found)
            writer = Writer(stream, progress, expected)
            writer.add(tool().MEMBER, dump)
            writer.add_bytes(SECRET_KEY, settings.SECRET_KEY.encode())
            writer.add_bytes(ENVIRONMENT, environment().encode())
            for name, file in found:
                writer.add(name, file)
            manifest = writer.finish(
                version=settings.VERSION,
                made_at=now.isoformat(timespec="seconds"),
                engine=connection.vendor,
                ledger=_ledger(),
                rows=rows,
                migrations=_migrations(),
            )
            stream.flush()
            os.fsync(stream.fileno())
        archive.rename(path)
        files.sync_directory(directory)
    return path, manifest


def environment() -> str:
    """Every setting of this process as lines of an environment file; what stands in a file is
    written out."""
    names = {name.removesuffix("_FILE") for name in os.environ if name.startswith(_OURS)}
    return "".join(f"{name}={env.text(name)}\n" for name in sorted(names))


def _files() -> Iterator[tuple[str, Path]]:
    """Boot files with their names in the archive. A link leads elsewhere, and a hidden file is not
    finished."""
    for tree, root in trees().items():
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            if (
                path.is_file()
                and not path.is_symlink()
                and not any(part.startswith(".") for part in parts)
            ):
                yield "/".join((tree, *parts)), path


def _ledger() -> str:
    stamp = Stamp.objects.first()
    return stamp.ledger if stamp else ""


def _migrations() -> list[str]:
    return sorted(
        f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()
    )


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _remove_begun(directory: Path) -> None:
    """What killed backups have left. We hold the lock: nobody writes there."""
    for left in directory.glob(f"{_BEGUN}*"):
        shutil.rmtree(left, ignore_errors=True)


def _prune(directory: Path, keep: int) -> list[Path]:
    old = (
        sorted(directory.glob(NAMED), key=lambda path: path.name, reverse=True)[keep:]
        if keep
        else []
    )
    for path in old:
        path.unlink()
    return old
