"""Why does this machine get this address, or none? The decision, replayed step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _

from dhcp.files import render, snapshot
from dhcp.files.records import Validated
from dhcp.files.targets import Target
from dhcp.files.validate import validate
from dhcp.models import DhcpChange, DhcpServer, Generation, KeptFiles, Lease
from dhcp.servers import ServerSelector
from dhcp.state import machines
from dhcp.state.evidence import is_held_by
from dhcp.state.machines import LIVE, MachineState
from dhcp.state.network_cards import (
    NetworkCard,
    addresses_of,
    cards_with_macs,
    identities_of,
)
from ipam.addresses import parse_mac
from ipam.models import Subnet


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the decision. `good` is None where the answer neither helps nor harms."""

    question: str
    answer: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps and the verdict; `good`: every card of this MAC is live."""

    mac: str
    steps: list[Step] = field(default_factory=list)
    verdict: str = ""
    good: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def why(text: str) -> Explanation:
    """Replay the decision for a MAC address in any spelling. Raises ValueError for other text."""
    mac = parse_mac(text)
    cards = cards_with_macs([mac])
    if not cards:
        return Explanation(mac, [_owner([]), *_own_leases(mac)], _unknown_verdict())
    states = machines.states_of_cards(cards)
    steps = [_owner(cards)]
    for card in cards:
        steps += [_is_allowed(card), _address(card)]
    for server_id in _dhcp_servers(cards):
        steps += _steps_of_dhcp_server(mac, cards, server_id)
    steps += _own_leases(mac)
    steps += _foreign_leases(cards)
    verdict = "; ".join(_card_verdict(card, states[card.key]) for card in cards)
    kinds = {state.kind for state in states.values()}
    return Explanation(mac, steps, verdict, good=kinds == {LIVE})


# --- what the ledger says -------------------------------------------------------------------------


def _owner(cards: Sequence[NetworkCard]) -> Step:
    names = ", ".join(map(str, cards))
    answer = names or _("No card of the ledger has this MAC address.")
    return Step(_("Whose card is it?"), answer, bool(cards))


def _is_allowed(card: NetworkCard) -> Step:
    question = _("May DHCP serve %s?") % card.name
    if not card.enabled:
        return Step(question, _("No: it is disabled."), False)
    if card.vrf_id is not None:
        return Step(question, _("No: it is in a VRF."), False)
    return Step(question, _("Yes: it is enabled and in the global address space."), True)


def _address(card: NetworkCard) -> Step:
    question = _("Which address does the ledger give to %s?") % card.name
    if card.ip is None:
        return Step(question, _("None."), False)
    subnet = Subnet.objects.containing(card.ip, card.vrf_id)
    if subnet is None:
        return Step(question, _("%s, which is in no subnet.") % card.ip, False)
    return Step(question, _("%(ip)s in %(subnet)s.") % {"ip": card.ip, "subnet": subnet}, True)


# --- what each DHCP server has ------------------------------------------------------------------


def _dhcp_servers(cards: Sequence[NetworkCard]) -> list[int | None]:
    """The keys of the servers of the cards' addresses; the default one where no card has any."""
    selector = ServerSelector.load()
    found: dict[int | None, None] = {}
    for card in cards:
        if card.ip is not None and card.vrf_id is None:
            subnet = Subnet.objects.containing(card.ip)
            found[selector.server_id_for(subnet)] = None
    return list(found) or [None]


def _steps_of_dhcp_server(
    mac: str, cards: Sequence[NetworkCard], server_id: int | None
) -> Iterator[Step]:
    servers = DhcpServer.objects.in_bulk()
    server = servers.get(server_id or 0)
    if servers:
        yield Step(_("Which DHCP server serves it?"), str(server or _("the default one")))
    ledger = snapshot.take(server_id)
    yield _ledger_line(mac, cards, validate(ledger.records, ledger.ignored))
    yield _served_line(mac, server)
    yield _last_sync(server_id)


def _ledger_line(mac: str, cards: Sequence[NetworkCard], validated: Validated) -> Step:
    """The card's line, or why there is none, or why its name is left out."""
    answers = []
    for line in validated.lines:
        if mac in line.macs:
            answers.append(render.host_line(line).strip())
    is_served = bool(answers)
    keys = {card.key for card in cards}
    for problem in validated.problems:
        record = problem.record
        if mac in record.macs or (record.kind, record.id) in keys:
            answers.append(problem.reason)
    question = _("Which line does the ledger make for dnsmasq?")
    return Step(question, "; ".join(answers) or _("None."), is_served)


def _served_line(mac: str, server: DhcpServer | None) -> Step:
    """The card's line in the file that dnsmasq reads."""
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        return _line_sent_to_agent(mac, server)
    hosts = Target.of(server).hosts
    question = _("Which line is in %s?") % hosts
    try:
        text = hosts.read_text("ascii", "replace")
    except OSError as error:
        return Step(question, _("The file cannot be read: %s.") % error.strerror, False)
    return _line_in(text, mac, question)


def _line_sent_to_agent(mac: str, server: DhcpServer) -> Step:
    """An agent's files are on another host; the generation keeps what was applied there."""
    question = _("Which line did %s apply last?") % server
    kept = KeptFiles.objects.filter(generation__server=server).order_by("-generation").first()
    text = kept.hosts.decode("ascii", "replace") if kept else ""
    return _line_in(text, mac, question)


def _line_in(text: str, mac: str, question: str) -> Step:
    lines = []
    for line in text.splitlines():
        if mac in line.split(",") and not line.startswith("#"):
            lines.append(line)
    return Step(question, "; ".join(lines) or _("None for this card."), bool(lines))


def _last_sync(server_id: int | None) -> Step:
    question = _("Has dnsmasq read it?")
    newest = Generation.objects.newest_summary(server_id)
    if newest is None:
        return Step(question, _("No: nothing has been written yet."), False)
    if newest.result == Generation.Result.FAILED:
        return Step(question, _("No: %s") % newest.reason, False)
    if pending := DhcpChange.objects.for_server(server_id).count():
        return Step(question, _("Not all: %d changes are pending.") % pending, False)
    if newest.confirmed:
        answer = _("Yes, with generation %d: dnsmasq confirmed it.")
    else:
        answer = _("Yes, with generation %d: dnsmasq was reloaded, and not asked to confirm.")
    return Step(question, answer % newest.pk, True)


# --- what the lease files say ---------------------------------------------------------------------


def _own_leases(mac: str) -> Iterator[Step]:
    for lease in Lease.objects.live().filter(mac_address=mac).judged():
        verdict = Lease.Verdict(lease.verdict)  # type: ignore[attr-defined]
        answer = _("%(ip)s until %(until)s: %(verdict)s") % {
            "ip": lease.ip_address,
            "until": machines.format_time(lease.leased_until or now()),
            "verdict": verdict.label,
        }
        yield Step(_("Which address does it use now?"), answer, verdict == Lease.Verdict.RIGHT)


def _foreign_leases(cards: Sequence[NetworkCard]) -> Iterator[Step]:
    """Leases of the cards' addresses that other machines hold."""
    identities = identities_of(cards)
    for lease in Lease.objects.live().filter(ip_address__in=addresses_of(cards)):
        if is_held_by(lease, identities):
            continue
        answer = _("%(holder)s, until %(until)s.") % {
            "holder": machines.holder_name(lease),
            "until": machines.format_time(lease.leased_until or now()),
        }
        yield Step(_("Who else uses its address?"), answer, False)


# --- the verdict ----------------------------------------------------------------------------------


def _unknown_verdict() -> str:
    return _(
        "The ledger does not know it. It gets an address from a DHCP pool where one is served, "
        "and no answer elsewhere."
    )


def _card_verdict(card: NetworkCard, state: MachineState) -> str:
    return f"{card.name} {card.ip or ''}: {state.label}. {state.reason}"
