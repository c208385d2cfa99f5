"""Signs of life: one UPDATE each, by the database's clock, and no history."""

from __future__ import annotations

import random
from collections.abc import Collection

from ipam.addresses import Address
from registry import environments
from registry.models import RegistryConfig, Service

BEATS = 3  # so many fit into one time-out: two may get lost
JITTER = 0.1  # services that were started together must not call together for ever


def heartbeat(service_id: str, environment: str = "", caller: Address | None = None) -> bool:
    """Note that the service lives; False when it is unknown or has lost its port, so that it registers again."""
    return bool(beat_many([service_id], environment, caller))


def beat_many(service_ids: Collection[str], environment: str = "", caller: Address | None = None) -> int:
    """The same for many at once; how many are known."""
    return Service.objects.beat(environments.name_of(environment), service_ids, None)


def interval(config: RegistryConfig) -> float:
    """Seconds until the next heartbeat: a third of the time-out, a little more or less each time."""
    return round(config.heartbeat_timeout / BEATS * random.uniform(1 - JITTER, 1 + JITTER), 2)
