"""Replace whole files atomically, and lock them.

A reader sees the old file or the new one, never a part of it and never no file: dnsmasq drops all
reservations if its file is missing or unreadable during a reload.
"""

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import Unavailable

_FIRST_WAIT = 0.002
_LONGEST_WAIT = 0.05


class Locked(Unavailable):
    """Another process held the lock until the timeout."""

    code = "locked"


def replace(path: Path | str, data: bytes, mode: int = 0o644) -> None:
    """Make `path` a file with these bytes and this mode, or raise OSError and change nothing.

    A symbolic link at `path` is replaced itself, not its target.
    """
    try:
        _replace(Path(path), [data], mode)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        # A second fsync of the same file may succeed although its pages are lost, so write a new
        # file.
        _replace(Path(path), [data], mode)


def replace_from(path: Path | str, blocks: Iterable[bytes], mode: int = 0o644) -> None:
    """The same for content in blocks, which may be larger than the memory."""
    _replace(Path(path), blocks, mode)


def remove_leftovers(path: Path | str) -> None:
    """Remove the temporary files that killed writers of `path` left. Hold the lock: it removes all
    of them."""
    path = Path(path)
    for leftover in path.parent.glob(_prefix(path) + "*"):
        leftover.unlink(missing_ok=True)


@contextmanager
def lock(path: Path | str, timeout: float = 10.0) -> Iterator[None]:
    """Hold an exclusive lock (flock) on the file; raise Locked after `timeout` seconds.

    Do not remove the file: a later process would create and lock another file of this name."""
    descriptor = _locked(Path(path), time.monotonic() + timeout, timeout)
    try:
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, blocks: Iterable[bytes], mode: int) -> None:
    with _naming(path):
        temporary = _write_beside(path, blocks, mode)
        try:
            temporary.rename(path)
        except BaseException:
            _remove(temporary)
            raise
        sync_directory(path.parent)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make errors name `path`, not a temporary file, so that a repeated failure reads the same."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _write_beside(path: Path, blocks: Iterable[bytes], mode: int) -> Path:
    """Write a temporary file in the same directory: rename works within one file system only."""
    descriptor, name = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for block in blocks:
                _write_all(file.fileno(), block)
            os.fchmod(file.fileno(), mode)  # before the rename, and whatever the umask
            os.fsync(file.fileno())
    except BaseException:
        _remove(temporary)
        raise
    return temporary


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_directory(directory: Path) -> None:
    """Make a rename in the directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prefix(path: Path) -> str:
    """Temporary names start with a dot, because dnsmasq reads every other name in a directory."""
    return f".{path.name}.new-"


def _remove(temporary: Path) -> None:
    # The error that led here is being raised and matters more than a second one.
    with suppress(OSError):
        temporary.unlink()


def _locked(path: Path, deadline: float, timeout: float) -> int:
    """Lock the file and return its descriptor, which still has this name after locking."""
    while True:
        # Read-only is enough for flock, so the service's user can lock a file that root created.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            _wait_for(descriptor, path, deadline, timeout)
            if _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was removed while we waited


def _is_at(path: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    return False


def _wait_for(descriptor: int, path: Path, deadline: float, timeout: float) -> None:
    pause = _FIRST_WAIT
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
        if left <= 0:
            raise Locked(
                f"{path} has been locked by another process for {timeout:g} s",
                hint="try again later",
            )
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_WAIT)
