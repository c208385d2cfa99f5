"""Tell of health checks that fail, and pass again, as events. The checks that this host answers are
told as this host's."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from core.findings import BOUNDED
from core.periodic import PeriodicWork
from events import kinds
from events.collect import states
from events.collect.states import Lasting
from ops import doctor
from ops.doctor import Result

# What is told by events of its own, from the rows themselves.
TOLD_OTHERWISE = {"heartbeat", "conflicts", "foreign DHCP servers", "API tokens"}
# The answers to these depend on the host that looks.
OF_A_HOST = {"machine", "settings", "secrets", "web"}
_KINDS = {
    "backups": ("backup.failed", "backup.ok"),
    "certificate": ("certificate.ends_soon", "certificate.ok"),
}
SOURCE = "finding"


class WatchFindings(PeriodicWork):
    """Runs the health checks that take a few queries, and tells the differences."""

    name = "ops.findings_watch"
    interval = 60.0
    first_pause = 30.0  # what is not there yet after the start is no fault
    longest_pause = 60.0

    def work(self) -> None:
        results = [one for one in doctor.run_checks(BOUNDED) if one.status]
        states.compare(_source(True), lasting(results, True))
        states.compare(_source(False), lasting(results, False))


def lasting(results: list[Result], is_of_host: bool) -> Iterator[Lasting]:
    """The worst finding of each check."""
    worst: dict[str, Result] = {}
    for result in sorted(results, key=lambda one: one.status):
        if (result.check.subject in OF_A_HOST) == is_of_host:
            worst[result.check.name] = result
    for name, result in worst.items():
        if name not in TOLD_OTHERWISE:
            yield _lasting(name, result, socket.gethostname() if is_of_host else "")


def _source(is_of_host: bool) -> str:
    return f"{SOURCE} {socket.gethostname()}"[:40] if is_of_host else SOURCE


def _lasting(name: str, result: Result, host: str) -> Lasting:
    begun, ended = _KINDS.get(name, ("finding.raised", "finding.cleared"))
    data = {
        "check": name,
        "level": result.level,
        "reason": result.text,
        "hint": result.remedy,
        "host": host,
    }
    subject = f"{name} ({host})" if host else name
    return Lasting(name, begun, ended, kinds.HEALTH, subject, subject, data, result.level)
