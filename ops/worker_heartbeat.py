"""Signs of life of the processes that work without being asked, and when one is missed."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.db.models.functions import Now

from api.models import Pulse
from core.periodic import PeriodicWork

EVERY = 10.0  # seconds
MISSED = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)  # a host that is gone for so long is no host of ours any more
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Heartbeat(PeriodicWork):
    """Writes, by the database's clock, that this process is alive."""

    name = "ops.worker_heartbeat"
    interval = EVERY

    def __init__(self) -> None:
        super().__init__()
        self.host = socket.gethostname()
        self.facts: dict[str, Any] = {
            "version": settings.VERSION,
            "pid": os.getpid(),
            "boot": machine(),
            "offset": clock_offset(),
        }

    def work(self) -> None:
        facts = {**self.facts, "seen_at": Now()}
        if not Pulse.objects.filter(host=self.host).update(**facts):
            Pulse.objects.create(host=self.host, **facts)
        Pulse.objects.filter(seen_at__lt=Now() - FORGOTTEN).delete()

    def finish(self) -> None:
        """Leave no row: a worker that ended normally is known to be away at once."""
        with suppress(DatabaseError):  # then it is missed a minute later
            Pulse.objects.filter(host=self.host, pid=self.facts["pid"]).delete()


def seen() -> QuerySet[Pulse]:
    """Every process, with the database's `now`."""
    return Pulse.objects.annotate(now=Now()).order_by("-seen_at")


def is_fresh(worker: Any) -> bool:
    """Whether one of `seen()` is not missed yet."""
    return worker.now - worker.seen_at <= MISSED


def is_here(worker: Pulse) -> bool:
    """Whether it runs, or ran, on this machine, since its last start, where we could see it."""
    boot, _slash, processes = worker.boot.partition("/")
    ours, _slash, visible = machine().partition("/")
    return (
        worker.host == socket.gethostname()
        and processes == visible
        and (boot == ours or not (boot and ours))
    )


def began_since_start(worker: Any) -> bool:
    """Whether it is here, and certainly of this start of the machine: where that is not told, by
    being fresh."""
    is_told = not (worker.boot.startswith("/") or machine().startswith("/"))
    return is_here(worker) and (is_told or is_fresh(worker))


def has_ended(worker: Pulse) -> bool:
    """Whether it can be known from here that its process is no more."""
    if not is_here(worker):
        return False
    try:
        os.kill(worker.pid, 0)
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it is somebody else's, so it is there


def machine() -> str:
    """Which start of which machine it is, and which processes can be seen there: two containers may
    have one name. A hardened service is not told the former."""
    try:
        boot = _BOOT_ID.read_text().strip()[:24]
    except OSError:
        boot = ""
    return f"{boot}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"


def clock_offset() -> float:
    """The wall clock less the time since the machine's start: it changes only when somebody sets
    the clock."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
