"""Who is calling, and for which service he may speak."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from api.models import Token
from core.proxies import client_address
from ipam.addresses import Address, parse_address
from registry.models import RegistryConfig
from registry.services import unusual


@dataclass(frozen=True)
class Caller:
    """Where a call comes from; `manages` when it may do what only administrators may, as pinning a
    port."""

    address: Address | None = None
    name: str = ""
    manages: bool = False
    person: str = ""  # whose session or token it is


ADMINISTRATOR = Caller(name="admin", manages=True)


def calling(request: Request) -> Caller:
    address, person = client_address(request), request.user.get_username()
    token = request.auth if isinstance(request.auth, Token) else None
    return Caller(
        address=parse_address(address) if address else None,
        name=token.name if token else person,
        manages=token.allows("admin")
        if token
        else request.user.has_perm("registry.change_service"),
        person=person,
    )


def check_speaker(request: Request, config: RegistryConfig, service_id: str) -> None:
    """A token bound to services speaks for these only, and in production every token is bound.
    Raises PermissionDenied."""
    token = request.auth
    if not isinstance(token, Token):
        return
    if not token.speaks_for(config.environment, service_id):
        unusual.foreign_token(token, config, service_id, client_address(request))
        raise PermissionDenied(_("This token does not speak for %s.") % f"{config}/{service_id}")
    in_production = config.mode == RegistryConfig.Mode.PRODUCTION
    if in_production and not token.services and not token.allows("admin"):
        raise PermissionDenied(
            _(
                "In production a token is bound to its services: manage.py create_token NAME --service %s"
            )
            % f"{config}/{service_id}"
        )
