"""Signs of life: one UPDATE each, by the database's clock, and no history."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ipam.addresses import Address
from registry import environments
from registry.models import RegistryConfig, Service
from registry.services import unusual

BEATS = 3  # so many fit into one time-out: two may get lost
JITTER = 0.1  # services that were started together must not call together for ever


def heartbeat(service_id: str, environment: str = "", caller: Address | None = None) -> bool:
    """Note that the service lives; False when it is unknown or has lost its port, so that it
    registers again."""
    return not beat_many([service_id], environment, caller)


def beat_many(
    service_ids: Sequence[str], environment: str = "", caller: Address | None = None
) -> set[str]:
    """The same for many at once; which of them are unknown. A call from where a service has never
    been counts, but is noticed."""
    name, wanted = environments.name_of(environment), set(service_ids)
    if Service.objects.beat(name, wanted, caller) == len(wanted):
        return set()
    rows = list(Service.objects.of(name).placed().filter(service_id__in=wanted))
    elsewhere = [
        row for row in rows if caller and caller not in (row.registered_from, row.ip_address)
    ]
    if elsewhere:
        Service.objects.beat(name, {row.service_id for row in elsewhere}, None)
    for row in elsewhere:
        if caller and row.registered_from:
            unusual.heartbeat_from_elsewhere(row, caller)
    return wanted - {row.service_id for row in rows}


def interval(config: RegistryConfig) -> float:
    """Seconds until the next heartbeat: a third of the time-out, a little more or less each
    time."""
    return round(config.heartbeat_timeout / BEATS * random.uniform(1 - JITTER, 1 + JITTER), 2)
