"""Services that were found elsewhere enter the book, at the places where they were found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import IPManagerError
from registry import environments
from registry.models import Service
from registry.services.deregister import deregister
from registry.services.register import Wish, register

NEW, SAME, MOVED, REFUSED = "new", "same", "moved", "refused"
FOUND = (
    "container"  # the key in additional_info of a service that was found, not registered by itself
)


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of one of them; `reason` when it was refused."""

    wish: Wish
    outcome: str
    reason: str = ""

    @property
    def place(self) -> str:
        ip = self.wish.host
        address = f"[{ip}]" if ip and ip.version == 6 else ip
        return f"{address}:{self.wish.preferred_port}/{self.wish.protocol}"


def adopt(wishes: Iterable[Wish], environment: str = "", *, write: bool = True) -> list[Adopted]:
    """Register them, or only say what would become of them. A known one is given a sign of life,
    and its new place if it has moved; one that registered itself elsewhere is left alone. One that
    is refused stops no other.

    Raises NotFound for an unknown environment.
    """
    name = environments.named(environment).environment
    known = {row.service_id: row for row in Service.objects.of(name).placed()}
    return [_adopt_one(wish, known.get(wish.service_id), write) for wish in wishes]


def _adopt_one(wish: Wish, row: Service | None, write: bool) -> Adopted:
    outcome = _outcome(wish, row)
    if outcome == REFUSED:
        return Adopted(wish, REFUSED, _("it registered itself at another place"))
    if not write:
        return Adopted(wish, outcome)
    try:
        if outcome == MOVED:
            deregister(wish.service_id, wish.environment)
        register(wish)
    except ValidationError as error:
        return Adopted(wish, REFUSED, " ".join(error.messages))
    except IPManagerError as error:
        return Adopted(wish, REFUSED, str(error))
    return Adopted(wish, outcome)


def _outcome(wish: Wish, row: Service | None) -> str:
    if row is None:
        return NEW
    if (row.ip_address, row.port, row.protocol) == (wish.host, wish.preferred_port, wish.protocol):
        return SAME
    return MOVED if FOUND in row.additional_info else REFUSED
