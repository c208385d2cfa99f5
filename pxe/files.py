"""The boot files that we keep: put one in place, open one, whatever name is asked for.

A name is walked down from the root directory part by part, and no part may be a symbolic link:
there is no name that leads out. Only files with a row in the database are served at all."""

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
    """A range of bytes, both ends included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


class Window:
    """A part of a file, read as if it were all of it. Closes the file."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        file.seek(part.first)
        self._file, self._left = file, part.size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted) if wanted else b""
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


def _steps(root: Path, name: str) -> Iterator:
    """Ways from one open directory to the next, and at last to the file."""
    *directories, last = name.split("/")
    yield lambda _none: os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in directories:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        yield lambda above, part=part, flags=flags: os.open(part, flags, dir_fd=above)
    # NONBLOCK: whoever makes a pipe of this name must not make us wait for its other end.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    yield lambda above: os.open(last, flags, dir_fd=above)


def keep(file: BootFile, chunks: Iterable[bytes]) -> None:
    """Put the content in place in one step and note its size and checksum. Raises Invalid,
    Conflict."""
    names.check_file_name(file.name)
    path = settings.BOOT_ROOT / file.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Conflict(_("A file stands in the way of the directory of %s.") % file.name) from error
    if not path.parent.resolve().is_relative_to(settings.BOOT_ROOT.resolve()):
        raise Invalid(_("A link in the directory of boot files leads out of it."))
    digest, size = hashlib.sha256(), 0
    descriptor, beside = tempfile.mkstemp(prefix=".upload-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            for chunk in chunks:
                digest.update(chunk)
                size += written.write(chunk)
            written.flush()
            os.fchmod(written.fileno(), 0o644)  # nginx reads it, too
            os.fsync(written.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    file.size, file.sha256 = size, digest.hexdigest()


def measure(file: BootFile) -> None:
    """Note size and checksum of a file that lies in its place already. Raises NotFound."""
    digest, size = hashlib.sha256(), 0
    with open_file(file.name) as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    file.size, file.sha256 = size, digest.hexdigest()


def wanted_part(header: str, size: int) -> Part | None:
    """What a Range header asks for (RFC 9110, 14.1); None for the whole, also when there are
    several ranges.

    Raises ValueError when nothing of the file lies in it (416).
    """
    match = _RANGE.fullmatch(header.strip())
    if not match or match[1] == match[2] == "":
        return None
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first > last:
        raise ValueError("nothing of the file lies in this range")
    return Part(first, last)
