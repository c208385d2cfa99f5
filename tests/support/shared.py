"""What is made once for a whole run and used by all of its processes.

`tests/run.py` names a directory for that in IPMANAGER_TEST_SHARED; a pytest started by hand has one
of its own. The process that comes first makes the thing, the others wait for it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "IPMANAGER_TEST_SHARED"


def directory() -> Path:
    return Path(os.environ[VARIABLE])


def once(name: str, make: Callable[[], None]) -> None:
    """Call `make` unless a process of this run has completed it under this name."""
    done = directory() / f"{name}.done"
    with locked(name):
        if not done.exists():
            make()
            done.touch()


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of this name, alone among all processes of the run."""
    with (directory() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
