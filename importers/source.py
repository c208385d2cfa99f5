"""The files of an import: their number, size and nesting are bounded, and nothing outside of what
was given is read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from django.utils.translation import gettext as _

from core.errors import Invalid

LARGEST = 128 << 20  # bytes of all files together
MOST_FILES = 2000
LONGEST = 300  # seconds of reading
DEEPEST = 16  # includes within includes, blocks within blocks


class BadInput(Invalid):
    """The source is damaged: where, and why. Nothing of it is written."""

    def __init__(self, at: str, reason: object) -> None:
        super().__init__(f"{at}: {reason}")


@contextmanager
def placed(at: str) -> Iterator[None]:
    """Give a ValueError within the block its place. Raises BadInput."""
    try:
        yield
    except ValueError as error:
        raise BadInput(at, error) from error


@dataclass(frozen=True)
class Line:
    """A line of a text, with its place."""

    at: str
    text: str


@dataclass
class Source:
    """Files by their names: below a directory, or as they were uploaded."""

    names: list[str]  # what to read first
    root: Path | None = None
    uploaded: Mapping[str, bytes] = field(default_factory=dict)
    _read: int = 0  # bytes
    _until: float = field(default_factory=lambda: time.monotonic() + LONGEST)

    @classmethod
    def at_path(cls, path: Path) -> Source:
        """A file, or all files of a directory. Other files beside a file are read where it includes
        them. Raises Invalid."""
        if not path.exists():
            raise Invalid(_("There is no file %s.") % path)
        path = path.resolve()
        if path.is_file():
            return cls([path.name], path.parent)
        source = cls([], path)
        found = set(filter(None, map(source._inside, path.rglob("*"))))
        source.names = _few(sorted(found))
        return source

    @classmethod
    def of_uploads(cls, files: Mapping[str, bytes]) -> Source:
        """Uploaded files by their names; of a path, only the last part counts."""
        named = {PurePosixPath(name).name: data for name, data in files.items()}
        return cls(_few(sorted(named)), uploaded=named)

    def resolve(self, name: str, beside: str = "") -> str | None:
        """The file that another one names (`beside`), as a name for `read`; None when it is not
        among the given ones. An absolute path is tried as it is, then by its end."""
        if self.root is None:
            last = PurePosixPath(name).name
            return last if last in self.uploaded else None
        base = self.root / PurePosixPath(beside).parent
        ends = (self.root / end for end in _ends(name))
        found = map(self._inside, (base / name, *ends))
        return next(filter(None, found), None)

    def _inside(self, path: Path) -> str | None:
        assert self.root is not None
        path = path.resolve()
        if path.is_file() and path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return None

    def below(self, name: str, patterns: Iterable[str] = ("*",)) -> list[str] | None:
        """The files of a directory that another file names, by its path or by the last part of it;
        None when it is not among the given ones."""
        if self.root is None:
            return None
        for end in _ends(name):
            folder = (self.root / end).resolve()
            if folder.is_dir() and folder.is_relative_to(self.root):
                return sorted(set(self._matching(folder, patterns)))
        return None

    def _matching(self, folder: Path, patterns: Iterable[str]) -> Iterator[str]:
        """A pattern is of a name, as in conf-dir of dnsmasq(8), and never of a path."""
        for path in folder.iterdir():
            if any(fnmatchcase(path.name, pattern) for pattern in patterns):
                yield from filter(None, [self._inside(path)])

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises Invalid when all of them together are too many."""
        data = self.uploaded.get(name)
        if data is None:
            data = self._read_file(name)
        self._read += len(data)
        if self._read > LARGEST:
            raise _too_large()
        return data

    def _read_file(self, name: str) -> bytes:
        assert self.root is not None
        try:
            with (self.root / name).open("rb") as file:
                return file.read(LARGEST - self._read + 1)
        except OSError as error:
            raise Invalid(
                _("%(name)s cannot be read: %(reason)s.") % {"name": name, "reason": error.strerror}
            ) from error

    def text(self, name: str) -> str:
        """A text in UTF-8, or else in Windows' code page. Raises BadInput for anything else."""
        data = self.read(name)
        if b"\0" in data:
            raise BadInput(name, _("This is not a text."))
        text = decoded(data)
        return text.removeprefix("\ufeff").replace("\r\n", "\n")

    def lines(self, name: str) -> Iterator[Line]:
        """The lines of a text."""
        for number, text in enumerate(self.text(name).split("\n"), start=1):
            self.check_time()
            yield Line(f"{name}:{number}", text)

    def check_time(self) -> None:
        """Raises Invalid when reading takes too long. Readers ask it at every line."""
        if time.monotonic() > self._until:
            raise Invalid(_("Reading the source took more than %d s.") % LONGEST, _("Split it."))


def _ends(name: str) -> Iterator[PurePosixPath]:
    """A path as it is below the source, and its ends: a configuration names the place where the
    files were."""
    parts = PurePosixPath(name).parts
    if parts[:1] == ("/",):
        parts = parts[1:]
    for start in range(len(parts)):
        yield PurePosixPath(*parts[start:])


def decoded(data: bytes) -> str:
    """UTF-8, or Windows' code page for western Europe."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _few(names: list[str]) -> list[str]:
    if len(names) > MOST_FILES:
        raise Invalid(_("There are more than %d files.") % MOST_FILES)
    return names


def _too_large() -> Invalid:
    return Invalid(
        _("The files have more than %d MB.") % (LARGEST >> 20), _("Import them one by one.")
    )
