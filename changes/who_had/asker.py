"""What somebody asks, and what of the answer they may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from api.confinement import visible
from changes.who_had import ledger
from changes.who_had.answer import Answer, Sees, ask, timeline_json
from core.errors import Invalid, NotFound, Reason
from core.history.past import moments, tables
from ipam import addresses
from ipam.addresses import Address, Network
from ipam.models import VRF, IPAddress


@dataclass(frozen=True)
class Question:
    """Who had the address? Without a moment: all who had it, until `before`."""

    ip: Address
    vrf: int | None = None
    at: datetime | None = None
    before: datetime | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Question:
        """Raises Invalid, which names the parameter, and NotFound for a VRF that does not exist."""
        text = asked.get("ip", "").strip()
        try:
            ip = addresses.parse_address(text)
        except ValueError as error:
            raise _invalid("ip", str(error)) from error
        at, before = _moment(asked, "at"), _moment(asked, "before")
        return cls(ip, _vrf(asked.get("vrf", "")), at, before)

    def answer(self, sees: Sees) -> Answer:
        assert self.at
        return ask(self.vrf, self.ip, self.at, sees)

    def timeline(self, sees: Sees) -> dict[str, Any]:
        return timeline_json(self.vrf, self.ip, self.before or timezone.now(), sees)


def sees(user: Any, question: Question, networks: Sequence[Network] = ()) -> Sees:
    """What this user, with a token for these networks, may see of the answer."""
    return Sees(
        leases=user.has_perm("dhcp.view_lease"),
        sightings=user.has_perm("ipam.view_sighting"),
        files=user.has_perm("dhcp.view_generation") and not networks,
        ledger=not networks or _is_visible(question, networks),
        places=user.has_perms(["ipam.view_subnet", "ipam.view_pool"]),
        networks=tuple(networks),
    )


def _is_visible(question: Question, networks: Sequence[Network]) -> bool:
    """Whether the address's row was visible then, and is today. Of a timeline, today counts, and
    that no holder was ever hidden."""
    rows = IPAddress.objects.filter(vrf=question.vrf, ip_address=question.ip)
    keys = set(rows.values_list("pk", flat=True))
    if keys - set(visible(rows, networks).values_list("pk", flat=True)):
        return False
    if question.at is None:
        return not ledger.has_had_servers(question.vrf, question.ip)
    holding = ledger.holding_at(question.vrf, question.ip, question.at)
    if holding is None or holding.server is None:
        return True
    return _saw_server(holding.server, question.at, networks)


def _saw_server(key: int, moment: datetime, networks: Sequence[Network]) -> bool:
    """Whether the token could see the server then, and can today if it still exists."""
    from ipam.models import Server

    servers = Server.objects.filter(pk=key)
    with tables.at(moment):
        then = visible(servers, networks).exists()
    return then and (visible(servers, networks).exists() or not servers.exists())


def _moment(asked: Mapping[str, str], name: str) -> datetime | None:
    text = asked.get(name, "").strip()
    return moments.parse(text, name) if text else None


def _vrf(text: str) -> int | None:
    """The key of a VRF, by its key or its name; None for the global space."""
    if text in ("", "none"):
        return None
    wanted = {"pk": int(text[:18])} if text.isdecimal() else {"name": text.replace("\0", "")}
    found = VRF.objects.filter(**wanted).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(Reason(_("There is no such VRF.")), "")
    return found


def _invalid(name: str, text: str) -> Invalid:
    error = Invalid(Reason(f"{name}: {text}"), "")
    error.errors = {name: [Reason(text)]}
    return error
