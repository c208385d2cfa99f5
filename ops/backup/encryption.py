"""Encrypted archives: the tar of `ops.backup.archive` through Debian's `age`.

The installation has the recipients only (public keys), so who takes it over reads no older backup.
The identity (the secret key) is needed to restore. Neither is ever an argument: the tool gets the
paths of files."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings

from core.errors import Invalid, Unavailable

SUFFIX = ".age"
_HEADER = b"age-encryption.org/v1"
SCRATCH = ".ipmanager-plain-"  # directories with what is not encrypted, in the data directory


@contextmanager
def encrypting(target: IO[bytes], recipients: Path) -> Iterator[IO[bytes]]:
    """A stream that arrives encrypted in the target. Raises Unavailable."""
    command = ["age", "--encrypt", "--recipients-file", str(recipients)]
    with _start(command, stdin=subprocess.PIPE, stdout=target, bufsize=0) as process:
        assert process.stdin and process.stderr
        try:
            yield cast("IO[bytes]", _Pipe(process.stdin))
            process.stdin.close()
        except BrokenPipeError:  # the tool has said why
            pass
        except BaseException:
            process.kill()
            raise
        message = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise Unavailable(f"age: {_sentence(message)}", hint=f"check {recipients}")


@contextmanager
def decrypted(path: Path, identity: Path | None) -> Iterator[Path]:
    """The plain archive: the path itself, or for an encrypted one a temporary file for its owner
    only. Raises Invalid, Unavailable."""
    if not is_encrypted(path):
        yield path
        return
    if identity is None:
        raise Invalid(
            f"{path} is encrypted",
            hint="name the file with the secret key: --identity FILE, or IPMANAGER_BACKUP_IDENTITY",
        )
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=settings.DATA_DIR) as scratch:
        plain = Path(scratch, path.name.removesuffix(SUFFIX))
        command = ["age", "--decrypt", "--identity", str(identity), f"--output={plain}", str(path)]
        with _start(command, stdin=subprocess.DEVNULL) as process:
            assert process.stderr
            message = process.stderr.read().decode(errors="replace")
        if process.returncode:
            raise Invalid(
                f"{path} cannot be decrypted: {_sentence(message)}",
                hint=f"check {identity}; nothing was changed",
            )
        yield plain


def is_encrypted(path: Path) -> bool:
    """Whether the file is one of age's; a file that cannot be read is not."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


class _Pipe:
    """A pipe as tarfile wants it: it writes everything, and knows how much that was."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._written = pipe, 0

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self._pipe.write(rest) :]
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written


def _start(command: list[str], **streams: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stderr=subprocess.PIPE, **streams)
    except FileNotFoundError as error:
        raise Unavailable("age is not installed", hint="apt install age") from error


def _sentence(message: str) -> str:
    """The tool's first complaint."""
    lines = message.strip().splitlines() or ["no message"]
    return lines[0].removeprefix("age: ").removeprefix("error: ")
