"""The archive of a backup: a plain tar whose last member, the manifest, holds the size and the
SHA-256 of every other member.

An archive that was cut off lacks its manifest; one that was changed does not match it.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core import files
from core.commands import manage_command
from core.errors import Invalid, NotFound

FORMAT = 1
PRODUCT = "ipmanager"
MANIFEST = "manifest.json"
SEAL = "hmac_sha256"  # beside the facts of the manifest
LARGEST_MANIFEST = 64 * 1024 * 1024
_BLOCK = 1 << 20

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive contains, and what it was made from."""

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
    def parse(cls, data: bytes, key: str | None = None) -> Manifest:
        """Raises ValueError for anything but an unchanged manifest of this format; with a key, also
        for one that was not made with it."""
        facts = json.loads(data)
        if not isinstance(facts, dict) or facts.get("product") != PRODUCT:
            raise ValueError("its manifest is not one of IPManager")
        if facts.get("format") != FORMAT:
            raise ValueError(f"its format is {facts.get('format')!r}, not {FORMAT}: it is newer")
        checksum, seal = facts.pop("sha256", None), facts.pop(SEAL, None)
        if key is not None and not is_sealed(facts, seal, key):
            raise NotAuthentic
        if checksum != _checksum(facts) or facts.keys() != asdict(cls()).keys():
            raise ValueError("its manifest was changed")
        return cls(**facts)

    def text(self, key: str = "") -> bytes:
        """The manifest with its checksum and, with a key, its HMAC (RFC 2104), which nobody can
        compute without the key."""
        facts = asdict(self)
        checks = {"sha256": _checksum(facts)}
        if key:
            checks[SEAL] = _seal(facts, key)
        facts |= checks
        return json.dumps(facts, indent=1, sort_keys=True).encode() + b"\n"


class NotAuthentic(ValueError):
    """The archive was not made with the key of this installation."""


def is_sealed(facts: dict[str, Any], seal: object, key: str) -> bool:
    """Whether the seal is the HMAC of these facts with the key."""
    return isinstance(seal, str) and hmac.compare_digest(
        seal.encode(errors="replace"), _seal(facts, key).encode()
    )


def _seal(facts: dict[str, Any], key: str) -> str:
    text = json.dumps(facts, sort_keys=True).encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


def _checksum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Writer:
    """Writes files into an archive; `finish` writes the manifest at its end."""

    def __init__(
        self, stream: IO[bytes], progress: OnProgress, expected: int = 0, key: str = ""
    ) -> None:
        self._tar = tarfile.open(  # noqa: SIM115  (finish closes it)
            fileobj=stream, mode="w", format=tarfile.PAX_FORMAT
        )
        self._key = key
        self._progress, self._expected = progress, expected
        self._written = 0
        self.files: dict[str, list[Any]] = {}

    def add(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            self._add(name, file, status.st_size, status.st_mtime)

    def add_bytes(self, name: str, data: bytes) -> None:
        self._add(name, io.BytesIO(data), len(data), 0)

    def finish(self, **facts: Any) -> Manifest:
        manifest = Manifest(files=dict(self.files), **facts)
        text = manifest.text(self._key)
        self._tar.addfile(_entry(MANIFEST, len(text), 0), io.BytesIO(text))
        self._tar.close()
        return manifest

    def _add(self, name: str, file: IO[bytes], size: int, changed: float) -> None:
        self._progress("archive", self._written, max(self._expected, self._written))
        hashing = _Hashing(file)
        self._tar.addfile(_entry(name, size, changed), hashing)
        self.files[name] = [size, hashing.digest.hexdigest()]
        self._written += size


class _Hashing:
    """A file that is hashed while it is read."""

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


def check(path: Path, progress: OnProgress, key: str | None = None) -> Manifest:
    """Read the whole archive and compare it with its manifest. Raises NotFound, or Invalid when it
    is damaged, is not a backup of IPManager or, with a key, was not made with that key."""
    found: dict[str, list[Any]] = {}
    manifest = None
    with _open(path) as tar:
        for entry, file in _entries(path, tar):
            if manifest:
                raise _damaged(path, f"{entry.name} comes after the manifest")
            if entry.name == MANIFEST:
                manifest = _read_manifest(path, file, entry.size, key)
            else:
                found[entry.name] = [entry.size, _digest(file)]
                progress("check", entry.offset_data + entry.size, path.stat().st_size)
    if manifest is None:
        raise _damaged(path, "its end is missing") if found else _foreign(path)
    for name in sorted(found.keys() | manifest.files):
        if found.get(name) != manifest.files.get(name):
            raise _damaged(path, f"{name} is not what was written")
    return manifest


def unpack(path: Path, place: Callable[[str], Path | None], mode: int = 0o600) -> list[str]:
    """Write the members of a checked archive to the paths that `place` returns, each in one step;
    None skips a member. Returns the names of those written."""
    written = []
    with _open(path) as tar:
        for entry, file in _entries(path, tar):
            if entry.name == MANIFEST:
                continue
            target = place(entry.name)
            if target is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            files.replace_from(target, _blocks(file), mode)
            written.append(entry.name)
    return written


def path_below(root: Path, name: str) -> Path:
    """The path of a member's relative name below the directory. Raises Invalid for a name that
    leads out of it."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise Invalid(
            f"{name!r} in the archive leads out of its directory", hint="do not trust this archive"
        )
    return root.joinpath(*parts)


@contextmanager
def _open(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive. What goes wrong within the block is described in our words."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise
        raise NotFound(f"there is no {path}", hint="look into the backup directory") from error
    except IsADirectoryError as error:
        raise Invalid(f"{path} is a directory", hint="name one of the archives in it") from error
    except tarfile.TarError as error:
        if tarfile.is_tarfile(path):
            raise _damaged(path, str(error)) from error
        raise _foreign(path) from error


def _entries(path: Path, tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Every member with its content. We write plain files only."""
    for entry in tar:
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None:
            raise _damaged(path, f"{entry.name} is not a plain file")
        yield entry, file


def _read_manifest(path: Path, file: IO[bytes], size: int, key: str | None) -> Manifest:
    if size > LARGEST_MANIFEST:
        raise _damaged(path, "its manifest is too large")
    try:
        return Manifest.parse(file.read(), key)
    except NotAuthentic as error:
        raise Invalid(
            f"{path.name} was not made with the key in IPMANAGER_BACKUP_KEY: somebody else may "
            "have made or changed it",
            hint="use another backup; for one that is older than the key: --unauthenticated",
        ) from error
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is not a backup that this version can read: {error}") from error


def _damaged(path: Path, how: str) -> Invalid:
    return Invalid(f"{path} is damaged: {how}", hint="use another backup; nothing was changed")


def _foreign(path: Path) -> Invalid:
    return Invalid(
        f"{path} is not a backup of IPManager",
        hint=f"name a file that `{manage_command('backup')}` has made",
    )


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file):
        digest.update(block)
    return digest.hexdigest()
