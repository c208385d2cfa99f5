"""Heartbeats of worker processes, and when one is missed."""

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
from core.database import commits
from core.periodic import PeriodicWork

EVERY = 10.0  # seconds
MISSED = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)  # a host without a heartbeat for so long was removed
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Heartbeat(PeriodicWork):
    """Records every ten seconds, by the database's clock, that this process is running."""

    name = "ops.worker_heartbeat"
    interval = EVERY
    in_step = True

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
        with commits.unnoticed():
            known = Pulse.objects.filter(host=self.host).update(**facts)
        if not known:
            Pulse.objects.create(host=self.host, **facts)
        Pulse.objects.filter(seen_at__lt=Now() - FORGOTTEN).delete()

    def finish(self) -> None:
        """Delete the row: a worker that ended normally is not missed, it is known to be away."""
        with suppress(DatabaseError):  # then it is missed a minute later
            Pulse.objects.filter(host=self.host, pid=self.facts["pid"]).delete()


def seen() -> QuerySet[Pulse]:
    """All worker processes, the newest heartbeat first, each with the database's `now`."""
    return Pulse.objects.annotate(now=Now()).order_by("-seen_at")


def is_fresh(worker: Any) -> bool:
    """Whether this row of `seen()` is not missed yet."""
    return worker.now - worker.seen_at <= MISSED


def is_here(worker: Pulse) -> bool:
    """Whether its process id is one of this machine, this boot and this PID namespace."""
    boot, _slash, namespace = worker.boot.partition("/")
    our_boot, _slash, our_namespace = machine().partition("/")
    if worker.host != socket.gethostname() or namespace != our_namespace:
        return False
    return boot == our_boot or not boot or not our_boot


def began_since_start(worker: Any) -> bool:
    """Whether it is here and certainly of this boot. Without a boot id, a fresh one counts."""
    boots_known = not (worker.boot.startswith("/") or machine().startswith("/"))
    return is_here(worker) and (boots_known or is_fresh(worker))


def has_ended(worker: Pulse) -> bool:
    """Whether its process has certainly ended, as far as can be seen from here."""
    if not is_here(worker):
        return False
    try:
        os.kill(worker.pid, 0)
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it belongs to another user, so it exists


def machine() -> str:
    """BOOT_ID/PID_NAMESPACE: two containers may have the same host name.

    Each part is empty where it cannot be read: a hardened service cannot read the boot id."""
    boot = namespace = ""
    with suppress(OSError):
        boot = _BOOT_ID.read_text().strip()[:24]
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    return f"{boot}/{namespace}"


def clock_offset() -> float:
    """Wall clock minus uptime, in seconds: it changes only when the clock is set."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
