"""Which name and host a service may register with.

Services of one name are one group of the exports: the members of an upstream block or a backend. A
token that is bound to services must not put another machine into a group of others, nor take the
traffic of a host that is not its own. An administrator may register anything."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Conflict, IPManagerError
from registry.export.validate import label
from registry.models import RegistryConfig, Service
from registry.services import unusual_activity
from registry.services.callers import Caller
from registry.services.registration import Registration


def check(
    config: RegistryConfig, registration: Registration, known: Service | None, caller: Caller
) -> None:
    """Raise Conflict for a name or a host that the caller may not use; unusual activity says so.

    What a service has already, it may repeat. A name belongs to a bound token if the token is bound
    to a service of this id, or if it speaks for every service that has the name. In production the
    latter is not enough, and the host is the caller's own address."""
    if caller.manages:
        return
    known = known or Service()  # one that has neither name nor host
    in_production = config.mode == RegistryConfig.Mode.PRODUCTION
    if not _may_have_name(config, registration, known, caller, strict=in_production):
        text = _("“%(name)s” is the name of other services, or of services of another token.")
        hint = _("An administrator creates the service with this name, or binds the token to it.")
        raise _refusal(config, registration, caller, text % {"name": registration.name}, hint)
    if in_production and not _may_have_host(config, registration, known, caller):
        text = _("In production a service registers the address that it calls from, not %s.")
        hint = _("Omit host, or ask an administrator to create the service with this address.")
        raise _refusal(config, registration, caller, text % registration.host, hint)


def _may_have_name(
    config: RegistryConfig,
    registration: Registration,
    known: Service,
    caller: Caller,
    *,
    strict: bool,
) -> bool:
    if registration.name is None or registration.name == known.name:
        return True
    token, group = caller.token, _group(registration.name)
    if token is None or not token.services:
        return not strict
    if group == _group(registration.service_id) or token.names(config.environment, group):
        return True
    return not strict and not _is_of_others(config, group, caller)


def _is_of_others(config: RegistryConfig, group: str, caller: Caller) -> bool:
    """Whether a service that the caller's token does not speak for has the name."""
    assert caller.token
    others = Service.objects.of(config.environment).values_list("service_id", "name")
    for service_id, name in others:
        if _group(name) == group and not caller.token.speaks_for(config.environment, service_id):
            return True
    return False


def _may_have_host(
    config: RegistryConfig, registration: Registration, known: Service, caller: Caller
) -> bool:
    return registration.host in (
        None,
        caller.address,
        config.service_ip_base,
        known.ip_address,
    )


def _group(name: str) -> str:
    """The name as the exports write it: different spellings of one label are one group."""
    try:
        return label(name)
    except ValueError:
        return name.lower()


def _refusal(
    config: RegistryConfig, registration: Registration, caller: Caller, text: str, hint: str
) -> IPManagerError:
    subject, address = caller.name or caller.person, str(caller.address or "")
    unusual_activity.log_foreign_identity(subject, config, registration.service_id, address, text)
    return Conflict(text, hint)
