"""For every machine one state, with its reason and remedy: does the network do what the ledger
says?

    live      a lease, a probe or an answer has shown it, at a time that is named
    told      its line is in a file that dnsmasq has confirmed
    pending   dnsmasq has not confirmed its line yet, or another machine still has its address
    blocked   it is disabled
    unserved  something is missing, or a rule forbids it

Each question looks at the evidence and either answers with a state or passes (None). The first
answer decides; what nothing objects to is live where something shows it, and else told where
dnsmasq has confirmed it. Nothing is live because it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from dhcp.state import host, seen
from dhcp.state.evidence import Evidence, gather_evidence
from dhcp.state.network_cards import CardKey, NetworkCard
from dhcp.state.questions import ABOUT_THE_LEDGER, ABOUT_THE_NETWORK
from dhcp.state.verdict import (
    BLOCKED,
    LIVE,
    PENDING,
    TOLD,
    UNSERVED,
    MachineState,
    format_time,
    holder_name,
)
from ipam.models import Server

__all__ = [
    "BLOCKED",
    "LIVE",
    "PENDING",
    "TOLD",
    "UNSERVED",
    "MachineState",
    "format_time",
    "holder_name",
    "state_of_card",
    "states_of_cards",
    "states_of_server",
    "states_of_servers",
]


def states_of_servers(servers: Iterable[Server]) -> dict[int, MachineState]:
    """The states of the servers' own cards by the servers' keys."""
    states = states_of_cards(list(map(NetworkCard.of_server, servers)))
    return {pk: state for (_kind, pk), state in states.items()}


def states_of_server(server: Server) -> list[tuple[NetworkCard, MachineState]]:
    """Every card of one server with its state, the server's own card first."""
    nics = server.interfaces.select_related("server").order_by("name")
    cards = [NetworkCard.of_server(server), *map(NetworkCard.of_interface, nics)]
    states = states_of_cards(cards)
    return [(card, states[card.key]) for card in cards]


def states_of_cards(cards: Sequence[NetworkCard]) -> dict[CardKey, MachineState]:
    """The state of each card by its key, in a fixed number of queries."""
    evidence = gather_evidence(cards)
    return {card.key: state_of_card(card, evidence) for card in cards}


def state_of_card(card: NetworkCard, evidence: Evidence) -> MachineState:
    """The answer of the first question that has one, or else what was seen."""
    for question in ABOUT_THE_LEDGER:
        if state := question(card, evidence):
            return state
    for question in (*ABOUT_THE_NETWORK, seen.state):
        if state := question(card, evidence):
            return _with_server(_with_remarks(state, card, evidence), card, evidence)
    raise AssertionError("seen.state always answers")


def _with_remarks(state: MachineState, card: NetworkCard, evidence: Evidence) -> MachineState:
    """The state with what makes it doubtful: somebody else on dnsmasq's host answers, too, or its
    leases are not known."""
    subnet = evidence.subnet(card)
    network = subnet.network if subnet else None
    found = host.remarks(evidence.host_findings[evidence.server_id(card)], network)
    lease = evidence.own_lease(card)
    if lease and lease.missing_since:
        found.append(_("dnsmasq's lease file has lost its lease."))
    return replace(state, reason=" ".join([state.reason, *found]))


def _with_server(state: MachineState, card: NetworkCard, evidence: Evidence) -> MachineState:
    """The state with the name of the DHCP server in its reason, unless it is the default one."""
    server = evidence.dhcp_server(card)
    if server is None:
        return state
    reason = _("%(server)s: %(reason)s") % {"server": server, "reason": state.reason}
    return replace(state, reason=reason)
