"""Why does this machine get this address, or none? The decision, replayed step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _

from dhcp.files import render, snapshot
from dhcp.files.records import HostLine, Sifted
from dhcp.files.targets import Target
from dhcp.files.validate import sift
from dhcp.models import DhcpChange, DhcpServer, Generation, KeptFiles, Lease
from dhcp.servers import Routes
from dhcp.state import machines
from dhcp.state.machines import LIVE, Card, State
from ipam.addresses import parse_mac
from ipam.models import Interface, Server, Sighting, Subnet


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the decision. `good` is None where the answer neither helps nor harms."""

    question: str
    answer: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps, and what comes of them."""

    mac: str
    steps: list[Step] = field(default_factory=list)
    verdict: str = ""
    good: bool = False

    def as_json(self) -> dict[str, Any]:
        steps = [{"question": s.question, "answer": s.answer, "good": s.good} for s in self.steps]
        return {"mac": self.mac, "steps": steps, "verdict": self.verdict, "good": self.good}


def why(text: str) -> Explanation:
    """Replay the decision for a MAC in any spelling. Raises ValueError when it is none."""
    mac = parse_mac(text)
    cards = _cards(mac)
    states = machines.of_cards(cards)
    steps = list(_steps(mac, cards))
    verdict, good = _verdict([(card, states[card.key]) for card in cards], mac)
    return Explanation(mac, steps, verdict, good)


def _cards(mac: str) -> list[Card]:
    servers = Server.objects.filter(mac_address=mac).order_by("pk")
    nics = Interface.objects.filter(mac_address=mac).select_related("server").order_by("pk")
    return [*map(Card.of_server, servers), *map(Card.of_interface, nics)]


def _steps(mac: str, cards: list[Card]) -> Iterator[Step]:
    names = ", ".join(card.name for card in cards)
    yield Step(
        _("Whose card is it?"), names or _("Nobody's: the ledger does not know it."), bool(cards)
    )
    for card in cards:
        yield _is_served(card)
        yield _address(card)
    if cards:
        yield from _of_dhcp_servers(mac, cards)
    yield from _leases(mac, cards)


def _of_dhcp_servers(mac: str, cards: list[Card]) -> Iterator[Step]:
    """Those that have to serve one of the cards; the default one if it is nobody's."""
    routes = Routes.read()
    homes = (
        Subnet.objects.containing(card.ip)
        for card in cards
        if card.ip is not None and card.vrf_id is None
    )
    for server_id in dict.fromkeys(map(routes.of, homes)) or [None]:
        server = routes.servers.get(server_id or 0)
        if routes.servers:
            yield Step(_("Which DHCP server has to serve it?"), str(server or _("the default one")))
        yield _record(mac, cards, sift(snapshot.take(server_id).records))
        yield _told(mac, server)
        yield _last_sync(server_id)


def _is_served(card: Card) -> Step:
    question = _("May DHCP serve %s?") % card.name
    if not card.enabled:
        return Step(question, _("No: it is disabled."), False)
    if card.vrf_id is not None:
        return Step(question, _("No: it stands in a VRF."), False)
    return Step(question, _("Yes: it is enabled, in the global address space."), True)


def _address(card: Card) -> Step:
    question = _("Which address has %s in the ledger?") % card.name
    if card.ip is None:
        return Step(question, _("None."), False)
    subnet = Subnet.objects.containing(card.ip, card.vrf_id)
    if subnet is None:
        return Step(question, _("%s, which lies in no subnet.") % card.ip, False)
    return Step(question, _("%(ip)s in %(subnet)s.") % {"ip": card.ip, "subnet": subnet}, True)


def _record(mac: str, cards: list[Card], sifted: Sifted) -> Step:
    """What the ledger makes of it for dnsmasq."""
    question = _("What shall dnsmasq be told?")
    lines = _lines_for(mac, sifted.lines)
    keys = {card.key for card in cards}
    told = [
        p.reason
        for p in sifted.problems
        if mac in p.record.macs or (p.record.kind, p.record.id) in keys
    ]
    answer = "; ".join([*lines, *told]) or _("Nothing.")
    return Step(question, answer, bool(lines))


def _lines_for(mac: str, lines: list[HostLine]) -> list[str]:
    return [render.host_line(line).strip() for line in lines if mac in line.macs]


def _told(mac: str, server: DhcpServer | None) -> Step:
    """What stands in the file that dnsmasq reads."""
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        return _told_by_agent(mac, server)
    hosts = Target.of(server).hosts
    question = _("What stands in %s?") % hosts
    try:
        text = hosts.read_text("ascii", "replace")
    except OSError as error:
        return Step(question, _("It cannot be read: %s.") % error.strerror, False)
    return _found(mac, question, text)


def _told_by_agent(mac: str, server: DhcpServer) -> Step:
    """Its files are on another host; the last that were applied there are kept here."""
    kept = KeptFiles.objects.filter(generation__server=server).order_by("-generation").first()
    return _found(
        mac,
        _("What was %s told last?") % server,
        kept.hosts.decode("ascii", "replace") if kept else "",
    )


def _found(mac: str, question: str, text: str) -> Step:
    lines = [
        line for line in text.splitlines() if mac in line.split(",") and not line.startswith("#")
    ]
    return Step(question, "; ".join(lines) or _("Nothing of this card."), bool(lines))


def _last_sync(server_id: int | None) -> Step:
    question = _("Has dnsmasq read it?")
    newest = Generation.objects.newest_summary(server_id)
    waiting = DhcpChange.objects.for_server(server_id).count()
    if newest is None:
        return Step(question, _("No: nothing has been written yet."), False)
    if newest.result == Generation.Result.FAILED:
        return Step(question, _("No: %s") % newest.reason, False)
    if waiting:
        return Step(question, _("Not all: %d changes are waiting.") % waiting, False)
    by = (
        _("confirmed by dnsmasq itself")
        if newest.confirmed
        else _("dnsmasq was told, and has not been asked")
    )
    return Step(
        question,
        _("Yes, with generation %(number)d (%(by)s).") % {"number": newest.pk, "by": by},
        True,
    )


def _leases(mac: str, cards: list[Card]) -> Iterator[Step]:
    for lease in Lease.objects.live().filter(mac_address=mac).judged():
        right = lease.verdict == Lease.Verdict.RIGHT  # type: ignore[attr-defined]
        verdict = Lease.Verdict(lease.verdict).label  # type: ignore[attr-defined]
        answer = _("%(ip)s until %(until)s: %(verdict)s") % {
            "ip": lease.ip_address,
            "until": machines.moment(lease.leased_until or now()),
            "verdict": verdict,
        }
        yield Step(_("What does it use now?"), answer, right)
    own = {name for card in cards for name in card.identities}
    for lease in Lease.objects.live().filter(
        ip_address__in=[card.ip for card in cards if card.ip is not None]
    ):
        if not machines.is_holders(lease, own):
            yield Step(_("Who else uses its address?"), _until(lease), False)


def _until(lease: Sighting) -> str:
    until = machines.moment(lease.leased_until or now())
    return _("%(mac)s, until %(until)s.") % {"mac": machines.named(lease), "until": until}


def _verdict(fates: list[tuple[Card, State]], mac: str) -> tuple[str, bool]:
    if not fates:
        return _(
            "A stranger: it gets an address of a DHCP pool where one is served, and no answer elsewhere."
        ), False
    text = "; ".join(
        f"{card.name} {card.ip or ''}: {fate.label}. {fate.reason}" for card, fate in fates
    )
    return text, all(fate.kind == LIVE for card, fate in fates)
