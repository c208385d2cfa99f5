"""Register a service: a new one gets an address and a port, a known one keeps its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid
from registry.environments import lookup
from registry.models import RegistryConfig, RestartAction, Service, ServiceDependency
from registry.querysets import wait_for_turn
from registry.services import (
    name_and_host,
    ports,
    production_rules,
    service_addresses,
    unusual_activity,
)
from registry.services.callers import ADMINISTRATOR, Caller
from registry.services.ports import Search, Unprepared
from registry.services.registration import Registration

ATTEMPTS = 20
OVERTAKEN = ("port_taken", "unique", "unique_together")  # codes of lost races


@dataclass(frozen=True)
class Registered:
    """The result: `again` when the service was known, `changed` its fields with a new value, `note`
    a remark for the caller."""

    service: Service
    again: bool = False
    changed: tuple[str, ...] = ()
    note: str = ""


def register(registration: Registration, caller: Caller = ADMINISTRATOR) -> Registered:
    """Register the service.

    Raises NoPort when its ranges are full, Conflict (naming the holder) when it insists on a taken
    port, Invalid or ValidationError when a value is not valid."""
    config = lookup.environment(registration.environment)
    _check_action(registration.restart_script)
    if not caller.manages:
        known = Service.objects.with_id(config, registration.service_id)
        name_and_host.check(config, registration, known, caller)
        if config.mode == RegistryConfig.Mode.PRODUCTION:
            production_rules.check(config, registration, known)
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                wait_for_turn(config.environment, registration.service_id)
                updated = _update_known(config, registration, caller)
                return updated or _create(config, registration, caller)
        except Unprepared as missing:
            missing.prepare()
        except IntegrityError:
            continue  # another registration has just been written: look again
        except ValidationError as error:
            if not _was_overtaken(error):
                raise
    raise Conflict(_("Too many services want this port at once."), _("Try again."))


def _check_action(key: str | None) -> None:
    """Only an enabled restart action of an administrator can be named. Raises Invalid."""
    if key is not None and not RestartAction.objects.filter(key=key, enabled=True).exists():
        raise Invalid(
            _("restart_script must be the key of a restart action; there is no “%s”.") % key[:63],
            _("An administrator creates restart actions in the admin; a command is never run."),
        )


def _was_overtaken(error: ValidationError) -> bool:
    """Whether another registration was faster, so that a further attempt gives another result."""
    parts = list(chain.from_iterable(getattr(error, "error_dict", {}).values()))
    return bool(parts) and all(part.code in OVERTAKEN for part in parts)


# --- a known service ------------------------------------------------------------------------------


def _update_known(
    config: RegistryConfig, registration: Registration, caller: Caller
) -> Registered | None:
    """Update a service that has a port, and log a heartbeat. None for any other."""
    placed = Service.objects.placed().select_for_update(of=("self",))
    row = placed.with_id(config, registration.service_id)
    if row is None:
        return None
    row.environment = config
    changes = registration.changes(row)
    for field, value in changes.items():
        setattr(row, field, value)
    row.status, row.inactive_since, row.last_heartbeat = Service.Status.ACTIVE, None, Now()
    row.registered_from = caller.address or row.registered_from
    if changes:
        row.clean_fields(exclude=["last_heartbeat"])
        row.clean()
    fields = {*changes, "status", "inactive_since", "last_heartbeat", "registered_from"}
    Service.objects.filter(pk=row.pk).update(**{field: getattr(row, field) for field in fields})
    changed = tuple(changes)
    if _set_dependencies(row, registration.dependencies):
        changed += ("dependencies",)
    row.refresh_from_db(fields=["last_heartbeat"])
    return Registered(row, again=True, changed=changed)


def _set_dependencies(row: Service, wanted: tuple[str, ...] | None) -> bool:
    """Store the dependencies; whether they have changed."""
    if wanted is None or sorted(set(wanted)) == row.dependencies:
        return False
    row.dependency_rows.all().delete()
    dependencies = []
    for needs in sorted(set(wanted)):
        dependencies.append(ServiceDependency(service=row, needs=needs))
        dependencies[-1].clean_fields()
    ServiceDependency.objects.bulk_create(dependencies)
    return True


# --- a new service --------------------------------------------------------------------------------


def _create(config: RegistryConfig, registration: Registration, caller: Caller) -> Registered:
    """Give the service an address and a port: a new row, or the row of one that has lost its
    port."""
    service_id = registration.service_id
    ip = service_addresses.address_for(config, service_id, registration.host)
    row = Service.objects.with_id(config, service_id)
    returns = row is not None
    if row is None:
        row = Service(environment=config, service_id=service_id, name=service_id)
    for field, value in registration.columns().items():
        setattr(row, field, value)
    row.protocol, row.ip_address = registration.protocol or row.protocol, ip
    row.status, row.inactive_since = Service.Status.ACTIVE, None
    row.registered_from = caller.address
    row.port, note = _choose_port(row, config)
    row.save()
    if returns:
        Service.objects.filter(pk=row.pk).update(last_heartbeat=Now())
    _set_dependencies(row, registration.dependencies)
    row.refresh_from_db(fields=["last_heartbeat", "created_at"])
    unusual_activity.log_registration(config, caller.address)
    return Registered(row, note=note)


def _choose_port(row: Service, config: RegistryConfig) -> tuple[int, str]:
    """A port, and a note when it is not the preferred one."""
    assert row.ip_address is not None
    search = Search(config, row.type, row.protocol, row.ip_address, row.port_range)
    wanted = row.preferred_port
    if wanted is None:
        return ports.hold_one(search), ""
    problem = ports.problem(search, wanted, pinned=row.pinned)
    if not problem:
        return wanted, ""
    if row.pinned or config.is_strict:
        raise Conflict(problem, _("Choose another port, or omit it to get a free one."))
    return ports.hold_one(search), problem
