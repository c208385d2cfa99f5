"""The VRF and the site that somebody has chosen: lists and the tree show only these until another
is chosen. Kept in the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest

from ipam.models import VRF, IPAddress, Server, Subnet
from ipam.pages.filters import NONE

KEY = "chosen_place"  # in the session, and on the request


@dataclass(frozen=True)
class Chosen:
    """`vrf` is empty (all), NONE, or the key of a VRF, whose name is kept beside it."""

    vrf: str = ""
    vrf_name: str = ""
    site: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Chosen:
        """One query for each request where a VRF is chosen: it may be gone meanwhile."""
        known: Any = request
        if not hasattr(known, KEY):
            session = getattr(known, "session", {})
            known.chosen_place = _present(cls(**session.get(KEY, {})))
        return cast(Chosen, known.chosen_place)

    def store(self, request: HttpRequest) -> None:
        request.session[KEY] = asdict(self)
        vars(request).pop(KEY, None)

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


def _present(chosen: Chosen) -> Chosen:
    """With the name that the VRF has now; without a VRF that is gone."""
    if chosen.vrf in ("", NONE):
        return chosen
    name = VRF.objects.filter(pk=int(chosen.vrf)).values_list("name", flat=True).first()
    return replace(chosen, vrf=chosen.vrf if name else "", vrf_name=name or "")


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
