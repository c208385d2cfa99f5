"""Expire silent services: after the heartbeat timeout a service is inactive, and after the grace
period its port is free.

Two situations look like silence but are not. If the sweep itself did not run, no heartbeat could be
missed yet, so every service gets one full timeout from the moment the sweep runs again. If the
network or the web server was down, most services fall silent at once, so their environment gets one
further timeout."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from ipam.querysets import lock_ledger
from registry import restart
from registry.models import Call, RegistryConfig, RestartRequest, Service, Unusual
from registry.querysets import Cutoffs, database_now
from registry.services import service_addresses, unusual_activity

logger = logging.getLogger("registry.sweep")

GAP = timedelta(seconds=5)  # between two rounds; a longer one means that the sweep did not run
MANY = 5  # fewer services that fall silent together are not a mass
FORGOTTEN = timedelta(days=7)  # a service without a port is deleted after this time
NAMED = 10
KEPT_CALLS = 20_000


@dataclass(frozen=True)
class Swept:
    """The result of one round: services that became inactive, services that lost their port, and
    environments that got a further timeout."""

    inactive: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()


@dataclass
class Sweeper:
    """The sweep, with its memory between two rounds. `now` is the database's clock."""

    now: Callable[[], datetime] = database_now
    watching_since: datetime | None = None
    last: datetime | None = None
    spared_since: dict[str, datetime] = field(default_factory=dict)

    def sweep(self) -> Swept:
        """Do one round."""
        now = self._start_round()
        watched = self._watched(now)
        if not watched:
            return Swept()
        spared = self._spared(watched, now)
        expiring = [row for row in watched if row.environment not in spared]
        inactive = _expire(_cutoffs(expiring, "heartbeat_timeout", now), now)
        freed = _free(_cutoffs(watched, "grace_period", now))
        Service.objects.forget(now - FORGOTTEN)
        return Swept(inactive, freed, tuple(sorted(spared)))

    def tidy(self) -> None:
        """Delete what is too old: restart requests, logged calls, unusual activity."""
        RestartRequest.objects.end(self.now())
        Call.objects.trim(KEPT_CALLS)
        Unusual.objects.trim(unusual_activity.KEPT)

    def _start_round(self) -> datetime:
        """Note the time; after a gap the watch starts anew."""
        now, last = self.now(), self.last
        if last is None or not last <= now <= last + GAP:
            self.watching_since = now
        self.last = now
        return now

    def _watched(self, now: datetime) -> list[RegistryConfig]:
        """The environments that have been watched for one full timeout."""
        assert self.watching_since
        seconds = (now - self.watching_since).total_seconds()
        configs = RegistryConfig.objects.all()
        return [config for config in configs if seconds >= config.heartbeat_timeout]

    def _spared(self, watched: Sequence[RegistryConfig], now: datetime) -> set[str]:
        """The environments where too many services are silent, for one further timeout."""
        silent = Service.objects.silent(
            _cutoffs(watched, "heartbeat_timeout", now)
        ).by_environment()
        alive = Service.objects.living().by_environment()
        known, self.spared_since = self.spared_since, {}
        spared = set()
        for config in watched:
            name = config.environment
            since = known.get(name)
            is_mass = silent[name] >= max(MANY, alive[name] // 2 + 1)
            if is_mass and since is None:
                unusual_activity.log_mass_silence(config, silent[name], alive[name])
                since = now
            if since is None or not silent[name]:
                continue
            self.spared_since[name] = since
            if is_mass and now - since < timedelta(seconds=config.heartbeat_timeout):
                spared.add(name)
        return spared


def _cutoffs(configs: Iterable[RegistryConfig], setting: str, now: datetime) -> Cutoffs:
    """The moment before `now`, by this setting in seconds, of each environment."""
    return {row.environment: now - timedelta(seconds=getattr(row, setting)) for row in configs}


def _expire(timeouts: Cutoffs, now: datetime) -> tuple[str, ...]:
    """Set silent services inactive, except those whose heartbeat arrives meanwhile."""
    silent = list(Service.objects.silent(timeouts))
    if not silent:
        return ()
    expired = Service.objects.expire(silent, timeouts, now)
    names = [str(row) for row in silent if row.pk in expired]
    restart.request_for_lost(Service.objects.restartable(expired))
    shown = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        shown += " …"
    logger.info("inactive: %s", shown)
    return tuple(names)


def _free(graces: Cutoffs) -> tuple[str, ...]:
    """Take port and address from services whose grace period is over."""
    if not Service.objects.lapsed(graces).exists():
        return ()
    with transaction.atomic():
        lock_ledger()
        rows = list(Service.objects.lapsed(graces).select_for_update(of=("self",)))
        Service.objects.unplace(rows)
        service_addresses.release_addresses(rows)
    return tuple(map(str, rows))
