"""Environments are made and changed through the API as in the admin."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Exhausted
from ipam.addresses import Address
from ipam.querysets import lock_ledger
from registry import defaults
from registry.models import PortRange, RegistryConfig, Simulation

FIRST_LOOPBACK = ipaddress.IPv4Address("127.0.0.2")
LAST_LOOPBACK = ipaddress.IPv4Address("127.0.15.254")


def configure(environment: str, said: Mapping[str, Any]) -> tuple[RegistryConfig, bool]:
    """Change what is said of an environment, or make it; whether it was made.

    A new one has the ranges that every installation begins with unless others are given, and a new
    test environment a loopback address of its own."""
    with transaction.atomic():
        config = RegistryConfig.objects.select_for_update().filter(environment=environment).first()
        made = config is None
        if config is None:
            config = _new(environment, said)
        for field, value in _columns(said).items():
            setattr(config, field, value)
        config.save()
        ranges = said.get("service_type_ranges", defaults.TYPE_RANGES if made else None)
        if ranges is not None:
            _set_ranges(config, ranges)
        if said.get("simulations") is not None:
            _set_simulations(config, said["simulations"])
    return RegistryConfig.objects.with_ranges().get(pk=config.pk), made


def _new(environment: str, said: Mapping[str, Any]) -> RegistryConfig:
    config = RegistryConfig(
        environment=environment, mode=said.get("mode", RegistryConfig.Mode.DEVELOPMENT)
    )
    if config.mode == RegistryConfig.Mode.TEST and "service_ip_base" not in said:
        config.service_ip_base = free_loopback()
    if config.mode == RegistryConfig.Mode.PRODUCTION:
        config.conflict_resolution_strategy, config.fallback = RegistryConfig.Strategy.STRICT, False
    return config


def free_loopback() -> Address:
    """A loopback address that is no other environment's. Raises Exhausted."""
    taken = set(RegistryConfig.objects.values_list("service_ip_base", flat=True))
    for number in range(int(FIRST_LOOPBACK), int(LAST_LOOPBACK) + 1):
        if (ip := ipaddress.IPv4Address(number)) not in taken:
            return ip
    raise Exhausted(
        _("Every loopback address has its environment."),
        _("Delete environments that are not needed."),
    )


def _columns(said: Mapping[str, Any]) -> dict[str, Any]:
    """The model's columns of what was said in the seed's words."""
    plain = (
        "mode",
        "service_ip_base",
        "reserved_ports",
        "heartbeat_timeout",
        "grace_period",
        "conflict_resolution_strategy",
        "fallback",
        "burst",
    )
    columns = {name: said[name] for name in plain if name in said}
    if "default_port_range" in said:
        columns["port_first"], columns["port_last"] = said["default_port_range"]
    return columns


def _set_ranges(config: RegistryConfig, wanted: Mapping[str, tuple[int, int]]) -> None:
    config.ranges.exclude(service_type__in=list(wanted)).delete()
    there = {row.service_type: row for row in config.ranges.all()}
    for service_type, (first, last) in wanted.items():
        row = there.get(service_type) or PortRange(config=config, service_type=service_type)
        row.first, row.last = first, last
        _save_at(row, "service_type_ranges")


def _set_simulations(config: RegistryConfig, wanted: Mapping[str, Mapping[str, int]]) -> None:
    """The simulations by service id; `*` stands for every service."""
    config.simulations.all().delete()
    for service_id, facts in wanted.items():
        row = Simulation(config=config, service_id="" if service_id == "*" else service_id, **facts)
        _save_at(row, "simulations")


def _save_at(row: PortRange | Simulation, field: str) -> None:
    """Raises ValidationError at the field of the caller's words."""
    try:
        row.save()
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error


def discard(environment: str) -> int:
    """Delete a test environment with its services; how many there were. Raises Conflict for any
    other."""
    from registry.models import Service
    from registry.services.deregister import deregister

    config = RegistryConfig.objects.get(environment=environment)
    if config.mode != RegistryConfig.Mode.TEST:
        raise Conflict(_("Only test environments can be deleted here."), _("Use the admin."))
    with transaction.atomic():
        lock_ledger()  # some services may live at addresses of the ledger: before the first service is locked
        names = list(Service.objects.of(environment).values_list("service_id", flat=True))
        for name in names:
            deregister(name, environment)
        config.delete()
    return len(names)
