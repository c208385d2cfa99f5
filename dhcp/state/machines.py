"""For every machine one state, with its reason: does the network agree with the ledger?

    live      dnsmasq has its reservation, and no other machine holds its address
    pending   dnsmasq has not read its reservation yet, or another machine still holds its address
    blocked   it is disabled
    unserved  something is missing, or a rule forbids it

Each question looks at the evidence and either answers with a state or passes (None). The first
answer decides; a card without any is live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from dhcp.leases.lease_file import FOREVER
from dhcp.models import DhcpServer, Generation
from dhcp.state import host
from dhcp.state.evidence import Evidence, gather_evidence, is_held_by
from dhcp.state.network_cards import CardKey, NetworkCard
from ipam.addresses import host_network, supernets
from ipam.models import Server, Sighting

LIVE, PENDING, BLOCKED, UNSERVED = "live", "pending", "blocked", "unserved"


@dataclass(frozen=True, slots=True)
class MachineState:
    """The state of one card. `until`: when it changes by itself, at the latest. `holder`: the MAC
    or DUID of the other machine that causes it."""

    kind: str
    reason: str
    until: datetime | None = None
    holder: str = ""
    lease_id: int | None = None  # the holder's lease

    @property
    def label(self) -> str:
        labels = {
            LIVE: _("live"),
            PENDING: _("pending"),
            BLOCKED: _("blocked"),
            UNSERVED: _("not served"),
        }
        return labels[self.kind]


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
    """The answer of the first question that has one."""
    for question in _ABOUT_THE_LEDGER:
        if state := question(card, evidence):
            return state
    for question in (*_ABOUT_THE_NETWORK, _live):
        if state := question(card, evidence):
            return _with_server(_with_remarks(state, card, evidence), card, evidence)
    raise AssertionError("_live always answers")


def _with_remarks(state: MachineState, card: NetworkCard, evidence: Evidence) -> MachineState:
    """The state with what makes it doubtful: somebody else on dnsmasq's host answers, too, or its
    leases are not known."""
    found = evidence.host_findings[evidence.server_id(card)]
    return replace(state, reason=" ".join([state.reason, *host.remarks(found)]))


def _with_server(state: MachineState, card: NetworkCard, evidence: Evidence) -> MachineState:
    """The state with the name of the DHCP server in its reason, unless it is the default one."""
    server = evidence.dhcp_server(card)
    if server is None:
        return state
    reason = _("%(server)s: %(reason)s") % {"server": server, "reason": state.reason}
    return replace(state, reason=reason)


# --- the questions ------------------------------------------------------------------------------


def _is_disabled(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    if card.enabled:
        return None
    lease = evidence.own_lease(card)
    if lease is None and card.is_ignored:
        return MachineState(BLOCKED, _("It is disabled and ignored: DHCP gives it no address."))
    if lease is None:
        reason = _("It is disabled. It has no reservation, and may get an address of a pool.")
        return MachineState(BLOCKED, reason)
    assert lease.leased_until
    reason = _("It is disabled. It may use its address until its lease ends, %s.")
    return MachineState(BLOCKED, reason % format_time(lease.leased_until), lease.leased_until)


def _is_incomplete(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    if card.vrf_id is not None:
        reason = _("It is in a VRF. DHCP serves the global address space only.")
    elif not card.identities:
        reason = _("It has no MAC address.")
    elif card.ip is None:
        reason = _("It has no IP address.")
    elif evidence.subnet(card) is None:
        reason = _("No subnet contains %s.") % card.ip
    else:
        return None
    return MachineState(UNSERVED, reason)


def _has_disabled_server(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    server = evidence.dhcp_server(card)
    if server is None or server.enabled:
        return None
    reason = _("The DHCP server is disabled. Its dnsmasq keeps the files that it has.")
    return MachineState(UNSERVED, reason)


def _lacks_range(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """IPManager proposes a subnet's range, and root installs it. Until then dnsmasq does not
    answer."""
    subnet = evidence.subnet(card)
    assert card.ip is not None and subnet is not None
    # Where the other servers' configurations are installed is not known.
    if evidence.dhcp_server(card) or subnet.pk not in evidence.scoped:
        return None
    if not evidence.installed.isdisjoint(supernets(host_network(card.ip))):
        return None
    return MachineState(UNSERVED, _("The range of its subnet is not installed yet."))


def _is_prevented(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """By what was found on dnsmasq's host."""
    assert card.ip is not None
    found = evidence.host_findings[evidence.server_id(card)]
    if reason := host.unserved(found, card.ip, card.identities):
        return MachineState(UNSERVED, reason.msg)
    return None


def _is_pending(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    newest = evidence.newest.get(evidence.server_id(card))
    if newest and not evidence.is_pending(card):
        return None
    if newest and newest.result == Generation.Result.FAILED:
        return MachineState(PENDING, _("dnsmasq does not have it: %s") % newest.reason)
    reason = _missing_agent(evidence.dhcp_server(card)) or _("dnsmasq does not have it yet.")
    return MachineState(PENDING, reason)


def _missing_agent(server: DhcpServer | None) -> str:
    """Why a server that an agent runs gets no changes; empty while its agent reports."""
    if server is None or not server.is_missed:
        return ""
    if server.last_seen_at is None:
        return _("dnsmasq does not have it: its agent has never been seen.")
    last_seen = format_time(server.last_seen_at)
    return _("dnsmasq does not have it: its agent was last seen %s.") % last_seen


def _is_edited_by_hand(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    edit = evidence.hand_edit(card)
    if edit is None:
        return None
    if not edit.line:
        reason = _("Its line was removed from dnsmasq's file by hand. Adopt or discard that.")
        return MachineState(UNSERVED, reason)
    reason = _("Its line in dnsmasq's file was edited by hand: %s. Adopt or discard that.")
    return MachineState(PENDING, reason % edit.line)


def _is_left_out(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    problem = evidence.problem(card)
    if problem is None or not problem["left_out"]:
        return None
    return MachineState(UNSERVED, problem["reason"])


def _is_leased_to_another(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    assert card.ip is not None
    allowed = evidence.allowed[card.server_id, card.ip]
    for lease in evidence.leases_by_ip[card.ip]:
        if is_held_by(lease, allowed):
            continue
        assert lease.leased_until
        reason = _("%(holder)s holds %(ip)s until %(until)s.") % {
            "ip": card.ip,
            "holder": holder_name(lease),
            "until": format_time(lease.leased_until),
        }
        holder = lease.mac_address or lease.duid
        return MachineState(PENDING, reason, lease.leased_until, holder, lease.pk)
    return None


def _is_used_after_eviction(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """A machine whose lease was ended here learns of it when it renews."""
    assert card.ip is not None
    allowed = evidence.allowed[card.server_id, card.ip]
    for eviction in evidence.evictions[card.ip]:
        if eviction.mac_address in allowed:
            continue
        reason = _(
            "%(ip)s is free. %(mac)s, whose lease was ended, may use it until %(until)s."
        ) % {
            "ip": card.ip,
            "mac": eviction.mac_address,
            "until": format_time(eviction.until),
        }
        return MachineState(PENDING, reason, eviction.until, eviction.mac_address)
    return None


def _uses_another_address(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """dnsmasq moves the machine to its own address when it renews."""
    if evidence.own_lease(card):
        return None
    for lease in evidence.leases_of(card):
        if evidence.is_in_subnet_of(card, lease.ip_address):
            assert lease.leased_until
            reason = _("It uses %(ip)s, until %(until)s at most.") % {
                "ip": lease.ip_address,
                "until": format_time(lease.leased_until),
            }
            return MachineState(PENDING, reason, lease.leased_until)
    return None


def _live(card: NetworkCard, evidence: Evidence) -> MachineState:
    until = None
    if lease := evidence.own_lease(card):
        assert lease.leased_until
        until = lease.leased_until
        reason = _("It uses its address, until %s.") % format_time(until)
    elif probe := evidence.successful_probe(card):
        reason = _(
            "dnsmasq offered its address to a probe %d ms after the change. "
            "The machine has not requested it yet."
        )
        reason %= probe["after_ms"]
    else:
        reason = _("dnsmasq has it. The machine has not requested its address yet.")
    if problem := evidence.problem(card):
        reason += " " + _("Its name is left out: %s.") % problem["reason"]
    return MachineState(LIVE, reason, until)


_Question = Callable[[NetworkCard, Evidence], MachineState | None]
_ABOUT_THE_LEDGER: tuple[_Question, ...] = (_is_disabled, _is_incomplete)
# These rely on the former ones: the card has an address in a subnet, and a MAC or DUID.
_ABOUT_THE_NETWORK: tuple[_Question, ...] = (
    _has_disabled_server,
    _lacks_range,
    _is_prevented,
    _is_pending,
    _is_edited_by_hand,
    _is_left_out,
    _is_leased_to_another,
    _is_used_after_eviction,
    _uses_another_address,
)


def holder_name(lease: Sighting) -> str:
    """The MAC or DUID of a lease's holder, with the host name that it sent."""
    machine = lease.mac_address or lease.duid or _("an unknown machine")
    if lease.hostname:
        return f"{machine} ({lease.hostname})"
    return machine


def format_time(at: datetime) -> str:
    """A time in the reader's time zone and language. A lease without an end lasts until its holder
    releases it."""
    if at >= FOREVER:
        return _("it is released")
    return localize(localtime(at))
