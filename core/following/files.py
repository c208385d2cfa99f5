"""Follow a log file through its rotations.

A position is a file and an offset. A file is recognised by its inode and by its first bytes, so
that neither a new file with an old inode nor a truncated one that has grown again is taken for the
file that was read. After a rotation by rename the old file is read to its end first, then those
that came after it, in the order of their last change. After `copytruncate` the rest is read from
the copy. Compressed files are not read: what was not read before is lost, which is reported."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path

from core.following.batches import AT_ONCE, LONGEST, Batch, Position, whole_lines

FIRST = 1 << 20  # bytes: how much of a log that was there before is read at first
HEAD = 256  # bytes by which a file is recognised
COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".zip")


@dataclass(frozen=True, slots=True)
class Place:
    """An offset in a file, which is described by its inode, the digest of its first `size` bytes,
    and the time of its last change (ns)."""

    inode: int
    offset: int = 0
    size: int = 0
    head: str = ""
    changed: int = 0


class OpenFile:
    """A file of the log, open for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        facts = os.fstat(self._descriptor)
        self.inode = facts.st_ino
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise OSError(None, "it is not a regular file", str(path))

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @property
    def changed(self) -> int:
        return os.fstat(self._descriptor).st_mtime_ns

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)

    def head(self, size: int) -> str:
        return hashlib.sha256(self.read(0, size)).hexdigest()[:32]

    def contains(self, place: Place) -> bool:
        """Whether the place is in this file, or in the file that this one is a copy of."""
        if place.offset > self.size:
            return False
        if not place.size:  # nothing of it was known
            return place.inode == self.inode
        return self.head(place.size) == place.head

    def place(self, offset: int) -> Place:
        size = min(offset, HEAD)
        return Place(self.inode, offset, size, self.head(size) if size else "", self.changed)

    def close(self) -> None:
        os.close(self._descriptor)


class FileLog:
    """A log file, by the path under which it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: OpenFile | None = None  # kept open: a rotation may delete it

    def read(self, position: Position | None) -> Batch:
        if position is None:
            return self._begin()
        place = Place(**position)
        file = self._find(place)
        if file is not None:
            return self._read_on(file, place)
        following = self._successor(place)
        if following is None:
            return Batch(position=position)  # it was removed, and there is no new one yet
        batch = self._read_at(following, 0)
        lost = f"{self.path} was replaced or truncated, and the rest of it was not found"
        return Batch(batch.lines, batch.position, batch.more, lost)

    def done(self) -> None:
        """The position says it all."""

    def close(self) -> None:
        self._keep(None)

    def _begin(self) -> Batch:
        """Begin near the end of what is there."""
        file = self._current()
        if file is None:
            return Batch()
        self._keep(file)
        start = max(0, file.size - FIRST)
        if start:
            start += file.read(start, LONGEST).find(b"\n") + 1
        return self._read_at(file, start)

    def _read_on(self, file: OpenFile, place: Place) -> Batch:
        batch = self._read_at(file, place.offset)
        if batch.more or batch.lines:
            return batch
        following = self._successor(place)
        if following is None:
            return batch
        # Nobody writes to the old file any more: its last line may lack its end.
        rest = file.read(place.offset, LONGEST).decode("utf-8", "replace")
        batch = self._read_at(following, 0)
        lines = [rest, *batch.lines] if rest else batch.lines
        return Batch(lines, batch.position, more=True)

    def _read_at(self, file: OpenFile, offset: int) -> Batch:
        data = file.read(offset, AT_ONCE)
        lines, size = whole_lines(data)
        if not lines and len(data) > LONGEST:
            size = len(data)
        self._keep(file)
        return Batch(lines, asdict(file.place(offset + size)), more=len(data) == AT_ONCE)

    def _find(self, place: Place) -> OpenFile | None:
        """The file that the place is in."""
        if self._file and self._is_written(self._file, place):
            return self._file
        for path in self._paths():
            file = self._current() if path == self.path else _open(path)
            if file and file.contains(place):
                return file
            if file:
                file.close()
        return None

    def _current(self) -> OpenFile | None:
        """The file that is written; None if there is none. Raises OSError."""
        try:
            return OpenFile(self.path)
        except FileNotFoundError:
            return None

    def _successor(self, place: Place) -> OpenFile | None:
        """The file that was begun after the one of this place; None while that one is written."""
        current = self._current()
        if current is None or not current.size or self._is_written(current, place):
            if current:
                current.close()
            return None
        later = list(filter(None, map(_open, self._paths()[1:])))
        return _first(later, current, place)

    def _is_written(self, current: OpenFile, place: Place) -> bool:
        """Whether it is still the file of the place."""
        return current.inode == place.inode and current.contains(place)

    def _paths(self) -> list[Path]:
        """The file itself, then those into which it was rotated."""
        found = set()
        for name in map(attrgetter("name"), _scan(self.path.parent)):
            if name.startswith(self.path.name) and not name.endswith(COMPRESSED):
                found.add(self.path.parent / name)
        return [self.path, *sorted(found - {self.path})]

    def _keep(self, file: OpenFile | None) -> None:
        if self._file and self._file is not file:
            self._file.close()
        self._file = file


def _first(rotated: list[OpenFile], current: OpenFile, place: Place) -> OpenFile:
    """The oldest one that is younger than the place's file; `current` is the youngest. The others
    are closed."""
    found = current
    for file in sorted(rotated, key=lambda file: file.changed, reverse=True):
        if _is_after(file, place) and file.inode != current.inode:
            found.close()
            found = file
        else:
            file.close()
    return found


def _is_after(file: OpenFile, place: Place) -> bool:
    """Whether the file was begun after the one of this place, and is neither that one nor its
    copy."""
    if file.changed < place.changed or file.inode == place.inode:
        return False
    return not (place.size and file.contains(place))


def _open(path: Path) -> OpenFile | None:
    """None for what is gone, is no file, or cannot be read: it may be no part of the log."""
    try:
        return OpenFile(path)
    except OSError:
        return None


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
