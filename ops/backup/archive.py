"""The archive: a plain tar whose last member, the manifest, holds the size and the checksum of
every other one.

An archive that was cut off lacks its manifest; one that was changed does not fit it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core import files
from core.errors import Invalid, NotFound

FORMAT = 1
PRODUCT = "ipmanager"
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 1024 * 1024
_BLOCK = 1 << 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive, and what it was made from."""

    version: str = ""
    made_at: str = ""
    engine: str = ""  # sqlite or postgresql
    ledger: str = ""  # the name of the ledger (ipam/freeze.py)
    rows: dict[str, int] = field(default_factory=dict)  # of every table
    migrations: list[str] = field(default_factory=list)
    files: dict[str, list[Any]] = field(default_factory=dict)  # name -> size, SHA-256
    product: str = PRODUCT
    format: int = FORMAT

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Raises ValueError for what is none of ours."""
        found = json.loads(data)
        if not isinstance(found, dict) or found.get("product") != PRODUCT:
            raise ValueError("no manifest of ours")
        if found.get("format") != FORMAT:
            raise ValueError(
                f"format {found.get('format')!r} is not {FORMAT}: a newer version has made it"
            )
        sealed = found.pop("sha256", None)
        if sealed != _seal(found) or set(found) != {part.name for part in fields(cls)}:
            raise ValueError("the manifest was changed")
        return cls(**found)

    def text(self) -> bytes:
        facts = asdict(self)
        return (
            json.dumps(facts | {"sha256": _seal(facts)}, indent=1, sort_keys=True).encode() + b"\n"
        )


def _seal(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Writer:
    """Puts files into an archive; `finish` puts the manifest behind them."""

    def __init__(self, stream: IO[bytes], progress: Progress, expected: int = 0) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._progress, self._expected = progress, expected
        self._done = 0
        self.files: dict[str, list[Any]] = {}

    def add(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            self._add(name, file, status.st_size, status.st_mtime)

    def add_bytes(self, name: str, data: bytes) -> None:
        self._add(name, io.BytesIO(data), len(data), 0)

    def finish(self, **facts: Any) -> Manifest:
        manifest = Manifest(files=dict(self.files), **facts)
        text = manifest.text()
        self._tar.addfile(_entry(MANIFEST, len(text), 0), io.BytesIO(text))
        self._tar.close()
        return manifest

    def _add(self, name: str, file: IO[bytes], size: int, changed: float) -> None:
        self._progress("archive", self._done, max(self._expected, self._done))
        hashing = _Hashing(file)
        self._tar.addfile(_entry(name, size, changed), hashing)
        self.files[name] = [size, hashing.digest.hexdigest()]
        self._done += size


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data


def _entry(name: str, size: int, changed: float) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(changed)
    return entry


def check(path: Path, progress: Progress) -> Manifest:
    """Read all of it. Raises NotFound, or Invalid when it is damaged, or none of ours."""
    with _opened(path) as tar:
        found: dict[str, list[Any]] = {}
        manifest = None
        for entry, file in _entries(path, tar):
            if manifest:
                raise _damaged(path, f"{entry.name} stands behind the manifest")
            if entry.name == MANIFEST:
                manifest = _manifest(path, file, entry.size)
                continue
            found[entry.name] = [entry.size, _digest(file)]
            progress("check", entry.offset_data + entry.size, path.stat().st_size)
    if manifest is None:
        raise _damaged(path, "its end is missing") if found else _foreign(path)
    if wrong := sorted(
        name
        for name in found.keys() | manifest.files
        if found.get(name) != manifest.files.get(name)
    ):
        raise _damaged(path, f"{wrong[0]} is not what was written")
    return manifest


def unpack(path: Path, place: Callable[[str], Path | None], mode: int = 0o600) -> list[str]:
    """Write the members to where `place` says, each in one step; None leaves one out. The names of
    those written.

    Only for an archive that has been checked."""
    written = []
    with _opened(path) as tar:
        for entry, file in _entries(path, tar):
            if entry.name == MANIFEST or (target := place(entry.name)) is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            files.replace_from(target, _blocks(file), mode)
            written.append(entry.name)
    return written


def below(root: Path, name: str) -> Path:
    """Where a member's relative name leads below the directory. Raises Invalid when that is
    elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise Invalid(
            f"{name!r} in the archive leads out of its directory", hint="do not trust this archive"
        )
    return root.joinpath(*parts)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive; what is wrong with it, wherever that shows, in our words."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise
        raise NotFound(f"there is no {path}", hint="see the directory of the backups") from error
    except IsADirectoryError as error:
        raise Invalid(f"{path} is a directory", hint="name one of the archives in it") from error
    except tarfile.TarError as error:
        raise (
            _damaged(path, str(error)) if tarfile.is_tarfile(path) else _foreign(path)
        ) from error


def _entries(path: Path, tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Every member with its content; members that are no plain files are not ours."""
    for entry in tar:
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None:
            raise _damaged(path, f"{entry.name} is no plain file")
        yield entry, file


def _manifest(path: Path, file: IO[bytes], size: int) -> Manifest:
    if size > LARGEST_MANIFEST:
        raise _damaged(path, "its manifest is too large")
    try:
        return Manifest.parse(file.read())
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is no backup that this version can read: {error}") from error


def _damaged(path: Path, how: str) -> Invalid:
    return Invalid(f"{path} is damaged: {how}", hint="take another backup; nothing was changed")


def _foreign(path: Path) -> Invalid:
    return Invalid(
        f"{path} is no backup of IPManager", hint="name a file that `manage.py backup` has made"
    )


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file):
        digest.update(block)
    return digest.hexdigest()
