"""Where the processes of one web server keep their counters, so that each of them can tell the sum
of all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's
_PREFIX = "ipmanager-counters-"
_slot = "parent"


def share() -> None:
    """Before the first counter is made: a directory for all processes of this web server.

    In memory where there is such a place: a full disk is no reason to die while counting.
    """
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    _remove_leftovers(place)
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place)


def forget(server: Any) -> None:
    """gunicorn's hook `on_exit`."""
    place = Path(os.environ.get(VARIABLE, ""))
    if place.name.startswith(f"{_PREFIX}{os.getpid()}-"):
        shutil.rmtree(place, ignore_errors=True)


def choose_slot(server: Any, worker: Any) -> None:
    """gunicorn's hook `pre_fork`: a process goes on with the counters of one that has ended, so
    there are never more of them than processes at once."""
    taken = {getattr(other, "slot", None) for other in server.WORKERS.values()}
    worker.slot = next(number for number in range(len(taken) + 1) if number not in taken)


def take_slot(server: Any, worker: Any) -> None:
    """gunicorn's hook `post_fork`."""
    global _slot
    _slot = str(worker.slot)


def slot() -> str:
    """Whose counters are ours."""
    return _slot


def _remove_leftovers(place: Path) -> None:
    """Those of web servers that were killed."""
    for old in place.glob(f"{_PREFIX}*"):
        pid = old.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if old.stat().st_uid == os.geteuid() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(old, ignore_errors=True)
