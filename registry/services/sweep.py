"""Silence: who is silent for longer than his time-out is inactive, and after a grace his port is
free.

Two things may look like silence and are none. We ourselves did not run: then nobody could be heard,
and everybody gets one full time-out from when we began to watch. And the way to us was cut, or the
web server was away: then most services fall silent at once, and they get one more time-out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from ipam.querysets import lock_ledger
from registry import restart
from registry.models import Call, RegistryConfig, RestartRequest, Service, Unusual
from registry.querysets import Cutoffs, database_now
from registry.services import service_addresses, unusual

logger = logging.getLogger("registry.sweep")

GAP = timedelta(seconds=5)  # between two rounds: longer, and we have slept
MANY = 5  # fewer that fall silent together are no mass
FORGOTTEN = timedelta(days=7)  # a service without a port is remembered for so long
NAMED = 10
KEPT_CALLS = 20_000


@dataclass(frozen=True)
class Swept:
    """What one round did: service ids by what became of them, and environments that got more
    time."""

    inactive: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()


@dataclass
class Sweeper:
    """What must be remembered between two rounds. `now` is the database's clock."""

    now: Callable[[], datetime] = database_now
    watching_since: datetime | None = None
    last: datetime | None = None
    spared_since: dict[str, datetime] = field(default_factory=dict)

    def sweep(self) -> Swept:
        """One round."""
        now = self._awake()
        watched = self._watched(now)
        if not watched:
            return Swept()
        timeouts = {
            row.environment: now - timedelta(seconds=row.heartbeat_timeout) for row in watched
        }
        spared = self._spared(watched, timeouts, now)
        swept = Swept(
            _expire({name: moment for name, moment in timeouts.items() if name not in spared}, now),
            _free({row.environment: now - timedelta(seconds=row.grace_period) for row in watched}),
            tuple(sorted(spared)),
        )
        Service.objects.forget(now - FORGOTTEN)
        return swept

    def tidy(self) -> None:
        """What need not be done in every round."""
        RestartRequest.objects.end(self.now())
        Call.objects.trim(KEPT_CALLS)
        Unusual.objects.trim(unusual.KEPT)

    def _awake(self) -> datetime:
        now = self.now()
        if (
            self.watching_since is None
            or self.last is None
            or not timedelta() <= now - self.last <= GAP
        ):
            self.watching_since = now
        self.last = now
        return now

    def _watched(self, now: datetime) -> list[RegistryConfig]:
        """The environments that we have listened to for one full time-out."""
        assert self.watching_since
        watched = now - self.watching_since
        return [
            row
            for row in RegistryConfig.objects.all()
            if watched >= timedelta(seconds=row.heartbeat_timeout)
        ]

    def _spared(
        self, watched: Sequence[RegistryConfig], timeouts: Cutoffs, now: datetime
    ) -> set[str]:
        """The environments where too many fell silent at once, for one more time-out."""
        silent, alive = (
            Service.objects.silent(timeouts).by_environment(),
            Service.objects.living().by_environment(),
        )
        masses = [
            row
            for row in watched
            if silent[row.environment] >= max(MANY, alive[row.environment] // 2 + 1)
        ]
        self.spared_since = {
            name: since for name, since in self.spared_since.items() if silent[name]
        }
        for config in masses:
            if self.spared_since.setdefault(config.environment, now) == now:
                counts = silent[config.environment], alive[config.environment]
                unusual.mass_silence(config, *counts)
        return {
            row.environment
            for row in masses
            if now - self.spared_since[row.environment] < timedelta(seconds=row.heartbeat_timeout)
        }


def _expire(timeouts: Cutoffs, now: datetime) -> tuple[str, ...]:
    """Inactive, all who have not called while we were thinking."""
    silent = list(Service.objects.silent(timeouts))
    if not silent:
        return ()
    gone = Service.objects.expire([row.pk for row in silent], timeouts, now)
    names = tuple(str(row) for row in silent if row.pk in gone)
    restart.ask_for_lost(Service.objects.restartable(gone))
    logger.info("inactive: %s%s", ", ".join(names[:NAMED]), " …" if len(names) > NAMED else "")
    return names


def _free(graces: Cutoffs) -> tuple[str, ...]:
    """Take port and address from those whose grace is over."""
    if not Service.objects.lapsed(graces).exists():
        return ()
    with transaction.atomic():
        lock_ledger()
        rows = list(Service.objects.lapsed(graces).select_for_update(of=("self",)))
        Service.objects.unplace([row.pk for row in rows])
        for ip in {row.ip_address for row in rows}:
            service_addresses.leave(ip)
    return tuple(map(str, rows))
