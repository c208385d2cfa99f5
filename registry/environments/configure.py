"""Create, change and delete environments through the API."""

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
from registry.environments import defaults
from registry.models import PortRange, RegistryConfig, Service, Simulation
from registry.services.deregister import deregister

FIRST_LOOPBACK = ipaddress.IPv4Address("127.0.0.2")
LAST_LOOPBACK = ipaddress.IPv4Address("127.0.15.254")
# Settings that have the same name in the API and in the model.
COLUMNS = (
    "mode",
    "service_ip_base",
    "reserved_ports",
    "heartbeat_timeout",
    "grace_period",
    "conflict_resolution_strategy",
    "fallback",
    "burst",
)


def configure(environment: str, settings: Mapping[str, Any]) -> tuple[RegistryConfig, bool]:
    """Change these settings of an environment, or create it; whether it was created.

    A new environment has the default ranges unless others are given; a new test environment also
    has a loopback address of its own. Raises ValidationError and Exhausted."""
    ranges, simulations = settings.get("service_type_ranges"), settings.get("simulations")
    with transaction.atomic():
        config = RegistryConfig.objects.select_for_update().filter(environment=environment).first()
        created = config is None
        if config is None:
            config = _new(environment, settings)
            ranges = settings.get("service_type_ranges", defaults.TYPE_RANGES)
        _set_columns(config, settings)
        if simulations is not None and not created:
            config.simulations.all().delete()  # a mode that has none may come with their end
        config.save()
        if ranges is not None:
            _set_ranges(config, ranges)
        if simulations is not None:
            _set_simulations(config, simulations)
    return RegistryConfig.objects.with_ranges().get(pk=config.pk), created


def _new(environment: str, settings: Mapping[str, Any]) -> RegistryConfig:
    mode = settings.get("mode", RegistryConfig.Mode.DEVELOPMENT)
    config = RegistryConfig(environment=environment, mode=mode)
    if config.mode == RegistryConfig.Mode.TEST and "service_ip_base" not in settings:
        config.service_ip_base = free_loopback()
    if config.mode == RegistryConfig.Mode.PRODUCTION:
        config.conflict_resolution_strategy = RegistryConfig.Strategy.STRICT
        config.fallback = False
    return config


def free_loopback() -> Address:
    """A loopback address that no other environment has. Raises Exhausted."""
    taken = set(RegistryConfig.objects.values_list("service_ip_base", flat=True))
    for number in range(int(FIRST_LOOPBACK), int(LAST_LOOPBACK) + 1):
        ip = ipaddress.IPv4Address(number)
        if ip not in taken:
            return ip
    raise Exhausted(
        _("Every loopback address belongs to an environment."),
        _("Delete environments that are no longer needed."),
    )


def _set_columns(config: RegistryConfig, settings: Mapping[str, Any]) -> None:
    for name in COLUMNS:
        if name in settings:
            setattr(config, name, settings[name])
    if "default_port_range" in settings:
        config.port_first, config.port_last = settings["default_port_range"]


def _set_ranges(config: RegistryConfig, wanted: Mapping[str, tuple[int, int]]) -> None:
    config.ranges.exclude(service_type__in=list(wanted)).delete()
    existing = {row.service_type: row for row in config.ranges.all()}
    for service_type, (first, last) in wanted.items():
        row = existing.get(service_type) or PortRange(config=config, service_type=service_type)
        row.first, row.last = first, last
        _save_at(row, "service_type_ranges")


def _set_simulations(config: RegistryConfig, wanted: Mapping[str, Mapping[str, int]]) -> None:
    """Create the simulations, by service id; `*` stands for every service."""
    for service_id, facts in wanted.items():
        row = Simulation(config=config, service_id="" if service_id == "*" else service_id, **facts)
        _save_at(row, "simulations")


def _save_at(row: PortRange | Simulation, field: str) -> None:
    """Save the row. Raises ValidationError at the field of the API."""
    try:
        row.save()
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error


def delete_test_environment(environment: str) -> int:
    """Delete a test environment with its services; returns their number. Raises Conflict for any
    other environment."""
    config = RegistryConfig.objects.get(environment=environment)
    if config.mode != RegistryConfig.Mode.TEST:
        raise Conflict(_("Only test environments can be deleted here."), _("Use the admin."))
    with transaction.atomic():
        lock_ledger()  # before the first service: some may have claimed addresses
        names = list(Service.objects.of(environment).values_list("service_id", flat=True))
        for name in names:
            deregister(name, environment)
        config.delete()
    return len(names)
