"""What an agent without a database knows of its host: heartbeat, leases, log, findings,
configuration, clock. A part is sent again until the centre has it."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.following import logs
from core.following.batches import Log
from core.following.entries import Parser
from dhcp.daemon import installed
from dhcp.daemon.heartbeat import Look
from dhcp.files.targets import Target
from dhcp.host.inspection import Inspection
from dhcp.leases.ingest import read_stable
from dhcp.leases.lease_file import FileKeepsChanging
from dhcp.log.reader import IDENTIFIERS, PROGRAM
from dhcp.state.host import HostWatcher

logger = logging.getLogger("dhcp.agent")

OLD = 45.0  # seconds: an older look proves nothing, as at the centre


class Site:
    """The host of one dnsmasq. `now` is a monotonic clock."""

    def __init__(self, target: Target, now: Callable[[], float] = time.monotonic) -> None:
        self.target, self.now = target, now
        self.look: Look | None = None
        self.looked = self.since = now()
        self.watcher = HostWatcher(target, now)
        self.inspection: Inspection | None = None
        self.leases = LeaseText(target)
        self.log = LogLines(target.log) if target.log else None

    def note_look(self, _target: Target, look: Look) -> None:
        """Of the heartbeat."""
        self.looked = self.now()
        if self.look is None or self.look.state != look.state:
            self.since = self.looked
        self.look = look

    def report(self) -> dict[str, Any]:
        """Everything that the centre does not have yet, for its route report/."""
        conf = installed.compare(self.target)
        found: dict[str, Any] = {
            "host": socket.gethostname()[:255],
            "version": settings.VERSION,
            "conf_installed": not conf.differs if conf.is_known else None,
            "conf_detail": conf.warning[:500],
        }
        found |= self._heartbeat() | self._inspection()
        if self.leases.has_changed():
            found["leases"] = self.leases.text
        if self.log:
            found["log"] = self.log.next()
        return {**found, "clock": time.time()}

    def accepted(self, answer: dict[str, Any]) -> bool:
        """The centre has stored the report. Returns whether more of the log may wait."""
        self.inspection = None
        self.leases.accepted()
        if self.log and "log_position" in answer:
            return self.log.accepted(answer["log_position"])
        return False

    def _heartbeat(self) -> dict[str, Any]:
        if self.look is None or self.now() - self.looked > OLD:
            return {}
        look = {"state": str(self.look.state), "detail": self.look.detail[:500]}
        return {"heartbeat": {**look, "seconds": max(0.0, self.now() - self.since)}}

    def _inspection(self) -> dict[str, Any]:
        self.inspection = self.watcher.poll() or self.inspection
        if self.inspection is None:
            return {}
        findings, process = self.inspection.as_json(), self.inspection.process
        return {"inspection": {"findings": findings, "process": process}}


class LeaseText:
    """The lease file, sent whole when it has changed."""

    def __init__(self, target: Target) -> None:
        self.path = target.leases
        self.text = ""
        self.known: str | None = None  # what the centre has

    def has_changed(self) -> bool:
        """A file that is missing or half-written is looked at again the next time; that it cannot
        be read is a finding of its own."""
        if self.path is None:
            return False
        try:
            self.text = read_stable(self.path).decode("utf-8", "replace").replace("\0", "")
        except (OSError, FileKeepsChanging):
            return False
        return self.text != self.known

    def accepted(self) -> None:
        if self.text:
            self.known = self.text


class LogLines:
    """Lines of dnsmasq's log after those that the centre has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parser = Parser()
        self.log: Log | None = None
        self.position: Any = None
        self.is_placed = False  # whether the centre has said where to begin
        self.more = False

    def next(self) -> dict[str, Any]:
        """The next lines, for the centre."""
        found: dict[str, Any] = {"name": self.name[:300], "before": self.position}
        if not self.is_placed:
            return found
        try:
            self.log = self.log or logs.open_log(self.name, IDENTIFIERS)
            batch = self.log.read(self.position)
        except (OSError, ValueError) as error:
            self.log = None
            return found | {"problem": str(getattr(error, "strerror", None) or error)[:300]}
        self.more = batch.more
        entries = self.parser.entries(batch.lines, PROGRAM, timezone.now())
        lines = [[entry.at.timestamp(), entry.program, entry.message] for entry in entries]
        return found | {"after": batch.position, "lines": lines, "lost": batch.lost[:300]}

    def accepted(self, position: Any) -> bool:
        """The centre has the lines up to this position."""
        self.position, self.is_placed = position, True
        if self.log is not None:
            self.log.done()
        return self.more
