"""Heartbeats: one UPDATE each, by the database's clock, without history."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ipam.addresses import Address
from registry.environments import lookup
from registry.models import RegistryConfig, Service
from registry.services import unusual_activity

BEATS = 3  # heartbeats within one timeout: two may get lost
JITTER = 0.1  # services that were started together must not call together for ever


def heartbeat(service_id: str, environment: str = "", caller: Address | None = None) -> bool:
    """Log a heartbeat. False when the service is unknown or has lost its port: it must register
    again."""
    return not heartbeat_many([service_id], environment, caller)


def heartbeat_many(
    service_ids: Sequence[str], environment: str = "", caller: Address | None = None
) -> set[str]:
    """Log heartbeats of many services; returns the unknown ones.

    A heartbeat from an unexpected address counts, but is logged as unusual activity."""
    name, wanted = lookup.name_or_default(environment), set(service_ids)
    if Service.objects.beat(name, wanted, caller) == len(wanted):
        return set()
    rows = list(Service.objects.of(name).placed().filter(service_id__in=wanted))
    if caller:
        _beat_from_elsewhere(name, rows, caller)
    return wanted - {row.service_id for row in rows}


def _beat_from_elsewhere(environment: str, rows: Sequence[Service], caller: Address) -> None:
    elsewhere = {}
    for row in rows:
        if row.registered_from and caller not in (row.registered_from, row.ip_address):
            elsewhere[row.service_id] = row
    if elsewhere:
        Service.objects.beat(environment, set(elsewhere), None)
    for row in elsewhere.values():
        unusual_activity.log_heartbeat_from_elsewhere(row, caller)


def interval(config: RegistryConfig) -> float:
    """Seconds until the next heartbeat: a third of the timeout, plus or minus a random part."""
    return round(config.heartbeat_timeout / BEATS * random.uniform(1 - JITTER, 1 + JITTER), 2)
