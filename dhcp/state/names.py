"""Whose name is it, and what does dnsmasq say when it is asked for it? The steps of `why NAME`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from django.utils.translation import gettext as _

from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from dhcp.state.steps import Step
from ipam.models import Subnet
from names import ledger, proof, query, rdata
from names.ledger import NameLine, Names

WAIT = 0.3  # seconds for dnsmasq's answers
MOST = 5  # names that are asked for


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of a name, with its steps. `good`: dnsmasq says the same; None: it
    was not asked."""

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
    answered = _answers(whole)
    steps = [_zone(whole, names), *_owners(lines, reasons), answered]
    return Found(lines, reasons, steps, answered.good)


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


def _answers(names: Sequence[str]) -> Step:
    """What the default server's dnsmasq says now, and whether its file says the same."""
    target, question = Target.from_settings(), _("What does dnsmasq say?")
    if target.dns is None:
        return Step(question, _("It cannot be asked: IPMANAGER_DNSMASQ_DNS is empty."))
    expected = proof.expected_of(names[:MOST], read_file(target.names))
    started = time.monotonic()
    try:
        answers = query.ask(target.dns, list(expected), WAIT)
    except OSError as error:
        return Step(question, str(error.strerror), False)
    ms = (time.monotonic() - started) * 1000
    said = [f"{one.name} {one.kind}: {answer.text}" for one, answer in answers.items()]
    text = _("%(answers)s (after %(ms).1f ms).") % {"answers": "; ".join(said), "ms": ms}
    return Step(question, text, not list(proof.differences(expected, answers)))
