"""Whose name is it, and what do the servers say that have its zone? The steps of `why NAME`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from django.utils.translation import gettext as _

from dhcp.edits.written import read_file
from dhcp.files.targets import DEFAULT, Target
from dhcp.models import DhcpServer
from dhcp.state.steps import Step
from ipam.models import Subnet
from names import ledger, proof, query, rdata
from names.ledger import NameLine, Names
from names.render import names_file

WAIT = 0.3  # seconds for the answers
MOST = 5  # names that are asked for
MOST_SERVERS = 8
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of a name, with its steps. `good`: all servers say the same; None: none
    was asked."""

    lines: Sequence[NameLine] = ()
    refusals: Sequence[str] = ()
    steps: Sequence[Step] = field(default_factory=list)
    good: bool | None = None

    @property
    def sentence(self) -> str:
        parts = [f"{line.fqdn}: {line.ip}, {line.label}" for line in self.lines]
        return "; ".join([*parts, *self.refusals])


def look(text: str) -> Found:
    """A whole name, or the first label of some. Without a zone there is nothing to say."""
    names = ledger.take(list(Subnet.objects.in_vrf(None)))
    if not names.zones:
        return Found()
    wanted = rdata.lower(text)
    lines = list(filter(lambda line: _is_meant(wanted, line.fqdn), names.lines))
    refused = list(filter(lambda one: _is_meant(wanted, one.claim.fqdn), names.refusals))
    reasons = list(map(attrgetter("reason"), refused))
    whole = list(map(attrgetter("fqdn"), lines)) or [wanted]
    answered = _answers(whole, names)
    steps = [_zone(whole, names), *_owners(lines, reasons), *answered]
    return Found(lines, reasons, steps, _all_good(answered))


def _all_good(steps: Sequence[Step]) -> bool | None:
    """Whether all that were asked say what they should; None where nobody was."""
    known = [step.good for step in steps if step.good is not None]
    return all(known) if known else None


def _is_meant(wanted: str, fqdn: str) -> bool:
    return wanted in (fqdn, fqdn.partition(".")[0])


def _zone(whole: Sequence[str], names: Names) -> Step:
    found = {ledger.zone_of(name, names.zones) for name in whole}
    zones = ", ".join(sorted(found)).lstrip(", ")
    answer = zones or _("None: its names are not served here.")
    return Step(_("Which zone is it in?"), answer, bool(zones))


def _owners(lines: Sequence[NameLine], reasons: Sequence[str]) -> Iterator[Step]:
    question = _("Whose name is it?")
    for line in lines:
        rows = ", ".join(line.sources)
        yield Step(question, f"{line.label}: {line.text} ({rows})", True)
    for reason in reasons:
        yield Step(question, reason, False)


# --- what the servers say -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A server that has the zone: what people call it, where it answers, what it should say."""

    name: str
    at: tuple[str, int] | None
    expected: proof.Expected


def _answers(whole: Sequence[str], names: Names) -> list[Step]:
    """Ask every server at once, so that a silent one holds up no other."""
    places = list(islice(_places(whole[:MOST], names), MOST_SERVERS))
    with ThreadPoolExecutor(len(places)) as threads:
        return list(threads.map(_ask, places))


def _places(whole: Sequence[str], names: Names) -> Iterator[Place]:
    """Every dnsmasq, by its own file where that is on this host, and the name servers of the zones
    whose addresses the ledger knows."""
    of_ledger = names_file(names.lines, "")
    servers = DhcpServer.objects.filter(enabled=True).order_by("pk")
    for target in (Target.from_settings(), *map(Target.of, servers)):
        data = read_file(target.names) or of_ledger
        yield Place(target.name, target.dns, proof.expected_of(whole, data))
    expected = proof.expected_of(whole, of_ledger)
    for line in _name_servers(whole, names):
        yield Place(f"{line.fqdn} ({line.ip})", (str(line.ip), DNS_PORT), expected)


def _name_servers(whole: Sequence[str], names: Names) -> Iterator[NameLine]:
    zones = {ledger.zone_of(name, names.zones) for name in whole}
    known = ledger.by_name(names)
    for record in names.records:
        if record.type == "NS" and record.fqdn in zones:
            yield from known.get(record.value, ())


def _ask(place: Place) -> Step:
    question = _("What does %s say?") % place.name
    if place.name == DEFAULT:
        question = _("What does dnsmasq say?")
    if place.at is None:
        return Step(question, _("It cannot be asked: no address is set for that."))
    started = time.monotonic()
    try:
        answers = query.ask(place.at, list(place.expected), WAIT)
    except OSError as error:
        return Step(question, str(error.strerror), False)
    ms = (time.monotonic() - started) * 1000
    said = [f"{one.name} {one.kind}: {answer.text}" for one, answer in answers.items()]
    text = _("%(answers)s (after %(ms).1f ms).") % {"answers": "; ".join(said), "ms": ms}
    wrong = [one.sentence for one in proof.differences(place.expected, answers)]
    return Step(question, " ".join([text, *wrong]), not wrong)
