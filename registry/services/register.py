"""A service comes: it gets an address and a port of its own, or, when it is known, the ones that it
has."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid
from registry import environments
from registry.models import RegistryConfig, RestartAction, Service, ServiceDependency
from registry.querysets import wait_for_turn
from registry.services import ports, production_rules, service_addresses, unusual
from registry.services.callers import ADMINISTRATOR, Caller
from registry.services.ports import Search, Unprepared
from registry.services.registration import Wish

ATTEMPTS = 20


@dataclass(frozen=True)
class Registered:
    """What came of it; `again` when the service was known, `changed` the fields that it now says
    differently."""

    service: Service
    again: bool = False
    changed: tuple[str, ...] = ()
    note: str = ""


def register(wish: Wish, caller: Caller = ADMINISTRATOR) -> Registered:
    """Give the service its place; a known one keeps it.

    Raises NoPort when its ranges are full, Conflict (naming the holder) when it insists on a port
    that is taken, Invalid or ValidationError when what it says of itself is not fit."""
    config = environments.named(wish.environment)
    _check_action(wish.restart_script)
    if config.mode == RegistryConfig.Mode.PRODUCTION and not caller.manages:
        production_rules.check(
            config,
            wish,
            Service.objects.of(config.environment).filter(service_id=wish.service_id).first(),
        )
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                wait_for_turn(config.environment, wish.service_id)
                return _known(config, wish, caller) or _new(config, wish, caller)
        except Unprepared as missing:
            missing.prepare()
        except IntegrityError:
            continue  # somebody else has just been written: look again
        except ValidationError as error:
            if not _was_overtaken(error):
                raise
    raise Conflict(_("Too many services want this port at once."), _("Try again."))


def _check_action(key: str | None) -> None:
    """Only what an administrator has allowed can be named. Raises Invalid."""
    if key is not None and not RestartAction.objects.filter(key=key, enabled=True).exists():
        raise Invalid(
            _("restart_script is the key of a restart action; “%s” is none.") % key[:63],
            _("An administrator makes restart actions in the admin; commands are never sent here."),
        )


def _was_overtaken(error: ValidationError) -> bool:
    """Whether somebody was quicker, so that another try gives another answer."""
    found = [part for parts in getattr(error, "error_dict", {}).values() for part in parts]
    return bool(found) and all(
        part.code in ("port_taken", "unique", "unique_together") for part in found
    )


# --- a known one ----------------------------------------------------------------------------------


def _known(config: RegistryConfig, wish: Wish, caller: Caller) -> Registered | None:
    """The service as it is, its heart beating, with what it says anew. None when it has no place
    yet."""
    row = (
        Service.objects.of(config.environment)
        .placed()
        .select_for_update()
        .filter(service_id=wish.service_id)
        .first()
    )
    if row is None:
        return None
    row.environment = config
    changed = [field for field, value in wish.facts().items() if getattr(row, field) != value]
    for field in changed:
        setattr(row, field, wish.facts()[field])
    row.status, row.inactive_since, row.last_heartbeat = Service.Status.ACTIVE, None, Now()
    row.registered_from = caller.address or row.registered_from
    if changed:
        row.clean_fields(exclude=["last_heartbeat"])
        row.clean()
    fields = {*changed, "status", "inactive_since", "last_heartbeat", "registered_from"}
    Service.objects.filter(pk=row.pk).update(**{field: getattr(row, field) for field in fields})
    if _set_dependencies(row, wish.dependencies):
        changed.append("dependencies")
    row.refresh_from_db(fields=["last_heartbeat"])
    return Registered(row, again=True, changed=tuple(changed))


def _set_dependencies(row: Service, wanted: tuple[str, ...] | None) -> bool:
    """Write down whom it needs; whether that is new."""
    if wanted is None or sorted(set(wanted)) == row.dependencies:
        return False
    row.dependency_rows.all().delete()
    rows = [ServiceDependency(service=row, needs=needs) for needs in sorted(set(wanted))]
    for needed in rows:
        needed.clean_fields()
    ServiceDependency.objects.bulk_create(rows)
    return True


# --- a new one ------------------------------------------------------------------------------------


def _new(config: RegistryConfig, wish: Wish, caller: Caller) -> Registered:
    ip = service_addresses.address_for(config, wish.service_id, wish.host)
    row = Service.objects.of(config.environment).filter(
        service_id=wish.service_id
    ).first() or Service(environment=config, service_id=wish.service_id, name=wish.service_id)
    for field, value in wish.facts().items():
        setattr(row, field, value)
    row.protocol, row.ip_address = wish.protocol or row.protocol, ip
    row.status, row.inactive_since, row.registered_from = (
        Service.Status.ACTIVE,
        None,
        caller.address,
    )
    row.port, note = _port_for(row, config, wish)
    returns = row.pk is not None
    row.save()
    if returns:
        Service.objects.filter(pk=row.pk).update(last_heartbeat=Now())
    _set_dependencies(row, wish.dependencies)
    row.refresh_from_db(fields=["last_heartbeat", "created_at"])
    unusual.registration(config, caller.address)
    return Registered(row, note=note)


def _port_for(row: Service, config: RegistryConfig, wish: Wish) -> tuple[int, str]:
    """A port, and what there is to say about it."""
    search = Search(config, row.type, row.protocol, row.ip_address, row.port_range)  # type: ignore[arg-type]
    wanted = row.preferred_port
    if wanted is None:
        return ports.hold_one(search), ""
    complaint = ports.complaint_about(search, wanted, pinned=row.pinned)
    if not complaint:
        return wanted, ""
    if row.pinned or config.is_strict:
        raise Conflict(complaint, _("Choose another port, or none: then you get a free one."))
    return ports.hold_one(search), complaint
