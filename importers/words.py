"""An outcome in the reader's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext_lazy as _

from importers.outcome import Outcome, State, Verdict

MOST_SHOWN = 300  # verdicts of a group
STATE_TITLES: dict[State, Any] = {
    "new": _("new"),
    "same": _("there already"),
    "differs": _("differs"),
    "refused": _("refused"),
    "left out": _("left out"),
}
KIND_TITLES: dict[str, Any] = {
    "vrf": _("VRFs"),
    "subnet": _("Subnets"),
    "pool": _("Pools"),
    "scope": _("DHCP scopes"),
    "option": _("DHCP options"),
    "address": _("IP addresses"),
    "server": _("Servers"),
    "interface": _("Interfaces"),
    "zone": _("Zones"),
    "name": _("Records"),
    "lease": _("Leases"),
    "": _("Other lines"),
}
_EXPLAINED: dict[State, Any] = {
    "refused": _("Refused by the rules of the ledger"),
    "differs": _("The ledger says something else, and keeps it"),
    "left out": _("Without a place in the ledger"),
    "new": _("New"),
}


@dataclass
class Group:
    """Verdicts of one state."""

    title: Any
    state: State
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def shown(self) -> list[Verdict]:
        return self.verdicts[:MOST_SHOWN]

    @property
    def more(self) -> int:
        return max(0, len(self.verdicts) - MOST_SHOWN)


def groups(outcome: Outcome) -> list[Group]:
    """What to look at first comes first; what is there already is only counted."""
    found = []
    by_state = sorted(outcome.verdicts, key=attrgetter("state"))
    verdicts = {state: list(rows) for state, rows in groupby(by_state, attrgetter("state"))}
    for state in filter(verdicts.__contains__, _EXPLAINED):
        found.append(Group(_EXPLAINED[state], state, verdicts[state]))
    return found
