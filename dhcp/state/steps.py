"""The steps that explain a verdict: what the ledger says of network cards, what each DHCP server
has of it, and what the lease files say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from django.utils.timezone import now
from django.utils.translation import gettext as _

from dhcp.files import render, snapshot
from dhcp.files.records import Validated
from dhcp.files.targets import Target
from dhcp.files.validate import validate
from dhcp.log.evidence import REFUSED, LogEvidence
from dhcp.models import DhcpChange, DhcpServer, Generation, KeptFiles, Lease
from dhcp.state.evidence import Evidence, is_held_by
from dhcp.state.network_cards import NetworkCard, addresses_of
from dhcp.state.verdict import format_time, holder_name
from ipam.models import Subnet

_MOST_LOGGED = 5  # lines
_LOGGED_GOOD: dict[str, bool] = {"ack": True, **dict.fromkeys(REFUSED, False)}


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the decision. `good` is None where the answer neither helps nor harms."""

    question: str
    answer: str
    good: bool | None = None


def of_cards(macs: Collection[str], cards: Sequence[NetworkCard], evidence: Evidence) -> list[Step]:
    """The whole decision about these cards, which have these MAC addresses."""
    steps = [owner(cards)]
    for card in cards:
        steps += [_is_allowed(card), _address(card)]
    for server_id in _dhcp_servers(cards, evidence):
        steps += _steps_of_dhcp_server(macs, cards, server_id)
    steps += own_leases(macs, {card.ip for card in cards})
    steps += _foreign_leases(cards, evidence)
    steps += _logged(macs, evidence.log)
    return steps


# --- what the ledger says -------------------------------------------------------------------------


def owner(cards: Sequence[NetworkCard]) -> Step:
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


def _dhcp_servers(cards: Sequence[NetworkCard], evidence: Evidence) -> list[int | None]:
    """The keys of the servers of the cards' addresses; the default one where no card has any."""
    placed = (card for card in cards if card.ip is not None and card.vrf_id is None)
    return list(dict.fromkeys(map(evidence.server_id, placed))) or [None]


def _steps_of_dhcp_server(
    macs: Collection[str], cards: Sequence[NetworkCard], server_id: int | None
) -> Iterator[Step]:
    servers = DhcpServer.objects.in_bulk()
    server = servers.get(server_id or 0)
    if servers:
        yield Step(_("Which DHCP server serves it?"), str(server or _("the default one")))
    ledger = snapshot.take(server_id)
    yield _ledger_line(macs, cards, validate(ledger.records, ledger.ignored))
    yield _served_line(macs, server)
    yield _last_sync(server, server_id)


def _ledger_line(macs: Collection[str], cards: Sequence[NetworkCard], validated: Validated) -> Step:
    """The card's line, or why there is none, or why its name is left out."""
    answers = []
    for line in validated.lines:
        if not set(macs).isdisjoint(line.macs):
            answers.append(render.host_line(line).strip())
    is_served = bool(answers)
    keys = set(map(attrgetter("key"), cards))
    for problem in validated.problems:
        record = problem.record
        if not set(macs).isdisjoint(record.macs) or (record.kind, record.id) in keys:
            answers.append(problem.reason)
    question = _("Which line does the ledger make for dnsmasq?")
    return Step(question, "; ".join(answers) or _("None."), is_served)


def _served_line(macs: Collection[str], server: DhcpServer | None) -> Step:
    """The card's line in the file that dnsmasq reads."""
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        return _line_sent_to_agent(macs, server)
    hosts = Target.of(server).hosts
    question = _("Which line is in %s?") % hosts
    try:
        text = hosts.read_text("ascii", "replace")
    except OSError as error:
        return Step(question, _("The file cannot be read: %s.") % error.strerror, False)
    return _line_in(text, macs, question)


def _line_sent_to_agent(macs: Collection[str], server: DhcpServer) -> Step:
    """An agent's files are on another host; the generation keeps what was applied there."""
    question = _("Which line did %s apply last?") % server
    kept = KeptFiles.objects.filter(generation__server=server).order_by("-generation").first()
    text = kept.hosts.decode("ascii", "replace") if kept else ""
    return _line_in(text, macs, question)


def _line_in(text: str, macs: Collection[str], question: str) -> Step:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#") and not set(macs).isdisjoint(line.split(",")):
            lines.append(line)
    return Step(question, "; ".join(lines) or _("None for this card."), bool(lines))


def _last_sync(server: DhcpServer | None, server_id: int | None) -> Step:
    question = _("Has dnsmasq read it?")
    newest = Generation.objects.newest_summary(server_id)
    if newest is None:
        return Step(question, _("No: nothing has been written yet."), False)
    if newest.result == Generation.Result.FAILED:
        return Step(question, _("No: %s") % newest.reason, False)
    if pending := DhcpChange.objects.for_server(server_id).count():
        return Step(question, _("Not all: %d changes are pending.") % pending, False)
    if _is_local(server) and not Target.of(server).is_connected:
        return Step(question, _("No: the files are written. No dnsmasq is connected."), False)
    answer = _("Yes, with generation %d: dnsmasq confirmed it.")
    if not newest.confirmed:
        answer = _("Not known: it was reloaded with generation %d, and not asked to confirm.")
    return Step(question, answer % newest.pk, newest.confirmed or None)


def _is_local(server: DhcpServer | None) -> bool:
    return server is None or server.run_by == DhcpServer.RunBy.LOCAL


# --- what the lease files say ---------------------------------------------------------------------


def own_leases(macs: Collection[str], right: Collection[object] = ()) -> Iterator[Step]:
    """The leases of these cards; those of an address in `right` are as they should be."""
    for lease in Lease.objects.live().filter(mac_address__in=macs).judged():
        verdict = Lease.Verdict(lease.verdict)  # type: ignore[attr-defined]
        is_right = verdict == Lease.Verdict.RIGHT or lease.ip_address in right
        answer = _("%(ip)s until %(until)s: %(verdict)s") % {
            "ip": lease.ip_address,
            "until": format_time(lease.leased_until or now()),
            "verdict": verdict.label,
        }
        yield Step(_("Which address does it use now?"), answer, is_right)


def _logged(macs: Collection[str], log: LogEvidence) -> Iterator[Step]:
    """The last words of dnsmasq's log about these cards, the newest first."""
    for row in islice(filter(lambda row: row.mac_address in macs, log.rows), _MOST_LOGGED):
        text = _("%(what)s %(ip)s %(detail)s, %(at)s") % {
            "what": row.get_kind_display(),
            "ip": row.ip_address or "",
            "detail": row.detail,
            "at": format_time(row.at),
        }
        answer = " ".join(text.replace(" ,", ",").split())
        yield Step(_("What did dnsmasq log of it?"), answer, _LOGGED_GOOD.get(row.kind))


def _foreign_leases(cards: Sequence[NetworkCard], evidence: Evidence) -> Iterator[Step]:
    """Leases of the cards' addresses that other machines hold. All cards of a server that share
    an address may hold it."""
    identities = set[str]()
    for card in cards:
        identities |= card.identities | evidence.allowed[card.server_id, card.ip]
    for lease in Lease.objects.live().filter(ip_address__in=addresses_of(cards)):
        if is_held_by(lease, identities):
            continue
        answer = _("%(holder)s, until %(until)s.") % {
            "holder": holder_name(lease),
            "until": format_time(lease.leased_until or now()),
        }
        yield Step(_("Who else uses its address?"), answer, False)
