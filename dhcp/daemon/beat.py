"""The heartbeat: a thread of its own looks every ten seconds at every dnsmasq of a worker or an
agent. A hung one delays neither a sync nor the look at another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from core.periodic import DatabaseState, PeriodicWork
from dhcp.daemon.heartbeat import EVERY, Look, State, record
from dhcp.daemon.look import Watcher, look_at_all
from dhcp.files.targets import Target

AGAIN = 2.0  # seconds until a bad look is repeated; one alone may have met a reload or a restart


class HeartbeatWorker(PeriodicWork):
    """Looks at all `targets()`. A state other than up is recorded when a second look shows it,
    too."""

    name = "dhcp.heartbeat"
    interval = EVERY
    in_step = True

    def __init__(
        self,
        targets: Callable[[], Iterable[Target]],
        database: DatabaseState | None = None,
        record: Callable[[Target, Look], None] = record,
    ) -> None:
        super().__init__(database)
        self.targets = targets
        self.record = record
        self.watchers: dict[Target, Watcher] = {}
        self.recorded: dict[Target, str] = {}
        self.doubted: set[Target] = set()

    def work(self) -> None:
        targets = list(self.targets())
        self.watchers = {target: self.watchers.get(target) or Watcher(target) for target in targets}
        self.doubted.intersection_update(targets)
        for target, look in look_at_all(list(self.watchers.values())):
            if self._is_sure(target, look):
                self.record(target, look)
                self.recorded[target] = look.state

    def _is_sure(self, target: Target, look: Look) -> bool:
        if look.state in (State.UP, self.recorded.get(target)) or target in self.doubted:
            self.doubted.discard(target)
            return True
        self.doubted.add(target)
        return False

    def pause(self) -> float:
        if self.doubted and not self.failures:
            return min(AGAIN, self.interval)
        return super().pause()
