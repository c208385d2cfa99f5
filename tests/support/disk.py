"""A disk that is soon full."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def tiny_disk(path: Path, kilobytes: int = 64) -> Iterator[Callable[[int], None]]:
    """Mount one at `path` for the block; what it yields gives it another size."""

    def resize(kilobytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", path], check=True)

    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", path], check=True)
    try:
        yield resize
    finally:
        subprocess.run(["umount", path], check=True)
