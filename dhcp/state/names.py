"""Whose name is it, and what does dnsmasq say when it is asked for it? The steps of `why NAME`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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
        parts = [f"{line.fqdn}: {line.ip} ({line.sources[0]})" for line in self.lines]
        return "; ".join([*parts, *self.refusals])


def look(text: str) -> Found:
    """A whole name, or the first label of some. Without a zone there is nothing to say."""
    names = ledger.take(list(Subnet.objects.in_vrf(None)))
    if not names.zones:
        return Found()
    wanted = rdata.lower(text)
    lines = [line for line in names.lines if _is_meant(wanted, line.fqdn)]
    refused = [one.reason for one in names.refusals if _is_meant(wanted, one.claim.fqdn)]
    steps = [_zone(wanted, lines, names), *_owners(lines, refused)]
    answered = _answers([wanted] if "." in wanted else [line.fqdn for line in lines])
    steps += answered
    good = answered[-1].good if answered else None
    return Found(lines, refused, steps, good)


def _is_meant(wanted: str, fqdn: str) -> bool:
    return wanted in (fqdn, fqdn.partition(".")[0])


def _zone(wanted: str, lines: Sequence[NameLine], names: Names) -> Step:
    whole = [line.fqdn for line in lines] or [wanted]
    zones = dict.fromkeys(filter(None, (ledger.zone_of(name, names.zones) for name in whole)))
    answer = ", ".join(zones) or _("None: its names are not served here.")
    return Step(_("Which zone is it in?"), answer, bool(zones))


def _owners(lines: Sequence[NameLine], refused: Sequence[str]) -> Iterator[Step]:
    question = _("Whose name is it?")
    for line in lines:
        yield Step(question, f"{line.fqdn}: {line.ip}, {', '.join(line.sources)}", True)
    for reason in refused:
        yield Step(question, reason, False)
    if not lines and not refused:
        yield Step(question, _("Nobody's."), None)


def _answers(names: Sequence[str]) -> list[Step]:
    """What the default server's dnsmasq says now, beside what its file says."""
    target = Target.from_settings()
    if target.dns is None or not names:
        return []
    expected = proof.expected_of(names[:MOST], read_file(target.names))
    started = time.monotonic()
    try:
        answers = query.ask(target.dns, list(expected), WAIT)
    except OSError as error:
        return [Step(_("What does dnsmasq say?"), error.strerror or str(error), False)]
    ms = (time.monotonic() - started) * 1000
    said = [f"{one.name} {one.kind}: {answer.text}" for one, answer in answers.items()]
    good = not list(proof.differences(expected, answers))
    text = _("%(answers)s (after %(ms).1f ms).") % {"answers": "; ".join(said), "ms": ms}
    return [Step(_("What does dnsmasq say?"), text, good)]
