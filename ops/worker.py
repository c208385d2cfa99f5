"""The periodic work of all apps in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from changes.worker import SealLog
from core.periodic import InTurn, PeriodicWork
from core.stopping import call_on_signals
from dhcp.worker import DhcpWorker
from discovery.conflicts.worker import FindConflicts
from discovery.rogue.watch import LookForServers
from discovery.worker import Discovery
from events.audit.worker import AuditStream
from events.delivery.worker import Deliver
from events.worker import Collect, Watch
from ipam.worker import CatchUp, WriteUsage
from machines.worker import Expiry
from names.zones.worker import SumUpSerial
from ops.findings_watch import WatchFindings
from ops.prune import DailyPrune
from ops.worker_heartbeat import Heartbeat
from registry.worker import Sweep


def ledger() -> PeriodicWork:
    """What follows the ledger within seconds; its rounds are short."""
    return InTurn("worker.ledger", CatchUp(), Sweep(), SumUpSerial(), Expiry(), Collect())


def network() -> PeriodicWork:
    """What is seen of the network, and who is told of it."""
    return InTurn("worker.network", FindConflicts(), LookForServers(), Watch())


def upkeep() -> PeriodicWork:
    """What may take minutes and may wait for minutes."""
    return InTurn("worker.upkeep", WatchFindings(), DailyPrune(), SealLog(), WriteUsage())


# Each in a thread of its own.
WORK: list[Callable[[], PeriodicWork]] = [
    DhcpWorker,
    ledger,
    network,
    Deliver,
    AuditStream,
    Discovery,
    Heartbeat,
    upkeep,
]
STOP_TIMEOUT = 20.0  # seconds that a round may take to finish


def run() -> int:
    """Run all work until TERM or INT, then return 0. If one ends by itself, all end: return 1, and
    the supervisor starts a new process."""
    works = [kind() for kind in WORK]
    stopped_by_signal, ended = threading.Event(), threading.Event()

    def stop() -> None:
        stopped_by_signal.set()
        ended.set()

    call_on_signals(stop)
    for work in works:
        work.start(on_end=ended.set)
    while not ended.wait(3600):
        pass  # on some systems, a wait without a timeout lets no signal through
    for work in works:
        work.stop()
    for work in works:
        work.join(STOP_TIMEOUT)
    return 0 if stopped_by_signal.is_set() else 1
