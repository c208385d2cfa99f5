"""Adopt services that were found elsewhere: register them at the address and port they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import IPManagerError
from registry.environments import lookup
from registry.models import Service
from registry.records import socket
from registry.services.deregister import deregister
from registry.services.register import register
from registry.services.registration import Registration

NEW, SAME, MOVED, REFUSED = "new", "same", "moved", "refused"
FOUND = "container"  # in additional_info: the service was found, it has not registered itself


@dataclass(frozen=True, slots=True)
class Adopted:
    """The outcome for one service; `reason` when it was refused."""

    registration: Registration
    outcome: str
    reason: str = ""

    @property
    def place(self) -> str:
        """`10.0.0.5:8000/tcp`."""
        ip, port = self.registration.host, self.registration.preferred_port
        assert ip is not None
        assert port is not None
        return f"{socket(ip, port)}/{self.registration.protocol}"


def adopt(
    found: Iterable[Registration], environment: str = "", *, write: bool = True
) -> list[Adopted]:
    """Register the services; without `write`, only tell the outcome.

    A known service gets a heartbeat, and its new address if it has moved. One that has registered
    itself elsewhere is refused. A refused service does not stop the others.

    Raises NotFound for an unknown environment."""
    name = lookup.environment(environment).environment
    known = {row.service_id: row for row in Service.objects.of(name).placed()}
    adopted = []
    for registration in found:
        adopted.append(_adopt_one(registration, known.get(registration.service_id), write))
    return adopted


def _adopt_one(registration: Registration, known: Service | None, write: bool) -> Adopted:
    outcome = _outcome(registration, known)
    if outcome == REFUSED:
        return Adopted(registration, REFUSED, _("it has registered itself at another address"))
    if not write:
        return Adopted(registration, outcome)
    try:
        if outcome == MOVED:
            deregister(registration.service_id, registration.environment)
        register(registration)
    except ValidationError as error:
        return Adopted(registration, REFUSED, " ".join(error.messages))
    except IPManagerError as error:
        return Adopted(registration, REFUSED, str(error))
    return Adopted(registration, outcome)


def _outcome(registration: Registration, known: Service | None) -> str:
    if known is None:
        return NEW
    place = (registration.host, registration.preferred_port, registration.protocol)
    if place == (known.ip_address, known.port, known.protocol):
        return SAME
    if FOUND in known.additional_info:
        return MOVED
    return REFUSED
