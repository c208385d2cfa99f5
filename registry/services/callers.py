"""The caller of a request, and the services that its token may act for."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from api.models import Token
from core.commands import manage_command
from core.proxies import client_address
from ipam.addresses import Address, parse_address
from registry.models import RegistryConfig
from registry.services import unusual_activity


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and from where.

    `manages`: it may do what only administrators may, such as pinning a port. `person` is the user
    of the session or the owner of the token. `token` is None with a session."""

    address: Address | None = None
    name: str = ""
    manages: bool = False
    person: str = ""
    token: Token | None = None


ADMINISTRATOR = Caller(name="admin", manages=True)


def caller_of(request: Request) -> Caller:
    """The caller of this request."""
    address, person = client_address(request), request.user.get_username()
    ip = parse_address(address) if address else None
    token = request.auth
    if isinstance(token, Token):
        return Caller(ip, token.name, token.allows("admin"), person, token)
    manages = request.user.has_perm("registry.change_service")
    return Caller(ip, person, manages, person)


def check_token_binding(request: Request, config: RegistryConfig, service_id: str) -> None:
    """A token that is bound to services acts for these only; in production every token is bound.

    Raises PermissionDenied."""
    token = request.auth
    if not isinstance(token, Token):
        return
    if not token.speaks_for(config.environment, service_id):
        caller = client_address(request)
        unusual_activity.log_foreign_token(token, config, service_id, caller)
        text = _("This token is not bound to %s.")
        raise PermissionDenied(text % f"{config}/{service_id}")
    in_production = config.mode == RegistryConfig.Mode.PRODUCTION
    if in_production and not token.services and not token.allows("admin"):
        text = _("In production a token must be bound to its services: %s")
        command = manage_command(f"create_token NAME --service {config}/{service_id}")
        raise PermissionDenied(text % command)
