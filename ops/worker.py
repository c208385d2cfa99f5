"""The apps' loops, each in a thread of its own: what they do, and how often, is theirs."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from django.utils.module_loading import import_string

from core.stopping import call_on_signals

logger = logging.getLogger(__name__)

LOOPS = [
    "ipam.worker.Worker",
    "dhcp.worker.Worker",
    "pxe.events.dnsmasq_log.Worker",
    "registry.worker.Worker",
    "ops.worker_heartbeat.Worker",
    "ops.prune.Worker",
]
PATIENCE = 20.0  # seconds that a loop may take to finish its round


class Loop(Protocol):
    """What LOOPS names: made without arguments, in the main thread."""

    def run(self) -> None:
        """Until stop()."""

    def stop(self) -> None:
        """From another thread."""


def run() -> int:
    """All of them until TERM or INT: 0. When one ends by itself all end: 1, and whoever started us
    starts us anew."""
    loops: list[Loop] = [import_string(name)() for name in LOOPS]
    told, ended = threading.Event(), threading.Event()

    def stop() -> None:
        told.set()
        ended.set()

    call_on_signals(stop)
    threads = [threading.Thread(target=_run, args=(loop, ended), daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    while not ended.wait(3600):
        pass  # a wait without end would not let a signal through on every system
    for loop in loops:
        loop.stop()
    for thread in threads:
        thread.join(PATIENCE)
    return 0 if told.is_set() else 1


def _run(loop: Loop, ended: threading.Event) -> None:
    try:
        loop.run()
    except Exception:
        logger.exception("%s ended", type(loop).__module__)
    finally:
        ended.set()
