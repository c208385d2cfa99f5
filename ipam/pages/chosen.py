"""The VRF and the site that somebody has chosen: lists and the tree show only these until another
is chosen. Kept in the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest

from ipam.models import IPAddress, Server, Subnet
from ipam.pages.filters import NONE

KEY = "chosen_place"  # in the session


@dataclass(frozen=True)
class Chosen:
    """`vrf` is empty (all), NONE, or the key of a VRF, whose name is kept beside it."""

    vrf: str = ""
    vrf_name: str = ""
    site: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Chosen:
        session: Any = getattr(request, "session", {})
        return cls(**session.get(KEY, {}))

    def store(self, request: HttpRequest) -> None:
        request.session[KEY] = asdict(self)

    def __bool__(self) -> bool:
        return bool(self.vrf or self.site)

    def narrow(self, rows: QuerySet, *, also_vrf: bool = True) -> QuerySet:
        """The rows of a list that lie there. `also_vrf` is False where the list names a VRF."""
        condition = _CONDITIONS.get(rows.model)
        if condition is None:
            return rows
        found = Q(**_vrf(self.vrf)) if also_vrf else Q()
        if self.site:
            found &= condition(self.site)
        return rows.filter(found)


def _vrf(chosen: str) -> dict[str, Any]:
    if chosen == NONE:
        return {"vrf": None}
    return {"vrf": int(chosen)} if chosen else {}


def _of_server(site: str) -> Q:
    held = IPAddress.objects.filter(server=OuterRef("pk"), subnet__site=site)
    return Q(Exists(held))


_CONDITIONS: dict[type[Model], Callable[[str], Q]] = {
    Subnet: lambda site: Q(site=site),
    IPAddress: lambda site: Q(subnet__site=site),
    Server: _of_server,
}
