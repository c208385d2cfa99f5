"""Boot files on our own disk: store one, open one, safely for any requested name.

A name is opened part by part from the root directory, and no part may be a symbolic link, so no
name leads out of the root. Only files with a row in the database are served."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, NotFound
from pxe import names
from pxe.models import BootFile

CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """A byte range, first and last byte included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


class Window:
    """A part of a file, read as if it were the whole file. `close` closes the file."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        file.seek(part.first)
        self._file, self._left = file, part.size

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self._left:
            size = self._left
        data = self._file.read(size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


def open_file(name: str, root: Path | None = None) -> IO[bytes]:
    """The file of this name below the root, opened for reading. Raises NotFound."""
    if not names.is_file_name(name):
        raise NotFound(_("There is no such boot file."))
    descriptor = -1
    try:
        for step in _steps(root or settings.BOOT_ROOT, name):
            descriptor, before = step(descriptor), descriptor
            if before >= 0:
                os.close(before)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        raise NotFound(_("There is no such boot file.")) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotFound(_("There is no such boot file."))
    return os.fdopen(descriptor, "rb")


def is_there(name: str) -> bool:
    """Whether we can serve a file of this name."""
    try:
        open_file(name).close()
    except NotFound:
        return False
    return True


def _steps(root: Path, name: str) -> Iterator:
    """Functions that open the root, then each part of the name relative to the directory before."""
    *directories, last = name.split("/")
    yield lambda _none: os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in directories:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        yield lambda above, part=part, flags=flags: os.open(part, flags, dir_fd=above)
    # NONBLOCK: a named pipe at this path must not make us wait for its other end.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    yield lambda above: os.open(last, flags, dir_fd=above)


def store(file: BootFile, chunks: Iterable[bytes]) -> None:
    """Store the content in one step and set the row's size and checksum. The caller saves the row.

    Raises Invalid and Conflict."""
    names.check_file_name(file.name)
    path = settings.BOOT_ROOT / file.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Conflict(_("A file has the name of a directory in %s.") % file.name) from error
    if not path.parent.resolve().is_relative_to(settings.BOOT_ROOT.resolve()):
        raise Invalid(_("A symbolic link leads out of the directory of boot files."))
    digest, size = hashlib.sha256(), 0
    descriptor, beside = tempfile.mkstemp(prefix=".upload-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            for chunk in chunks:
                digest.update(chunk)
                size += written.write(chunk)
            written.flush()
            os.fchmod(written.fileno(), 0o644)  # nginx reads it too
            os.fsync(written.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    file.size, file.sha256 = size, digest.hexdigest()


def measure(file: BootFile) -> None:
    """Set size and checksum of a file that is already in its place. Raises NotFound."""
    digest, size = hashlib.sha256(), 0
    with open_file(file.name) as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    file.size, file.sha256 = size, digest.hexdigest()


def requested_part(header: str, size: int) -> Part | None:
    """The part that a Range header requests (RFC 9110, 14.1); None for the whole file, also when it
    requests several ranges.

    Raises ValueError when the file has no such part (416)."""
    match = _RANGE.fullmatch(header.strip())
    if not match or match[1] == match[2] == "":
        return None
    if match[1] == "":  # the last so many bytes
        first, last = max(0, size - int(match[2])), size - 1
    elif match[2] == "":
        first, last = int(match[1]), size - 1
    elif int(match[2]) < int(match[1]):
        return None
    else:
        first, last = int(match[1]), min(int(match[2]), size - 1)
    if first > last:
        raise ValueError("the file has no such range")
    return Part(first, last)
