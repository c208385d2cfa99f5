"""The answer: a sentence first, then each statement with its evidence, and what does not agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.who_had import ledger, network, place
from changes.who_had.ledger import Holding
from ipam.addresses import Address, Network
from ipam.models import Sighting

SOURCES = {
    **dict(Sighting.Source.choices),
    "ledger": gettext_lazy("ledger"),
    "dhcp_log": Sighting.Source.DHCP.label,
    "file": gettext_lazy("file"),
}


@dataclass(frozen=True)
class Sees:
    """What the asker may see besides the ledger."""

    leases: bool = True
    sightings: bool = True
    files: bool = True
    ledger: bool = True
    places: bool = True  # subnets and pools
    networks: tuple[Network, ...] = ()  # of a confined token


@dataclass(frozen=True)
class Statement:
    """What one source says, and where that stands."""

    source: str  # ledger, lease, dhcp_log, arp, ping, …, file
    text: str
    evidence: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def source_name(self) -> Any:
        """The source in the reader's words."""
        return SOURCES.get(self.source, self.source)

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "text": self.text,
            "evidence": self.evidence,
            "from": self.since,
            "until": self.until,
        }


@dataclass
class Answer:
    ip: Address
    vrf: int | None
    at: datetime
    holder: Holding | None = None
    place: dict[str, Any] | None = None  # of an address that nobody held
    nobody: str = ""  # the sentence about it
    lease: Any = None
    served: network.Served | None = None
    statements: list[Statement] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        parts = [self.nobody or _ledger_part(self.ip, self.holder)]
        if self.lease:
            parts.append(_lease_text(self.lease))
        return "; ".join(parts) + "."

    def as_json(self) -> dict[str, Any]:
        return {
            "ip": str(self.ip),
            "vrf": self.vrf,
            "at": self.at,
            "sentence": self.sentence,
            "holder": self.holder and self.holder.as_json(),
            "place": self.place,
            "lease": self.lease and lease_json(self.lease),
            "dhcp": self.served and self.served.as_json(),
            "statements": [one.as_json() for one in self.statements],
            "disagreements": self.disagreements,
            "unknown": self.unknown,
        }


def ask(vrf: int | None, ip: Address, moment: datetime, sees: Sees) -> Answer:
    """Who had the address at the moment?"""
    answer = Answer(ip, vrf, moment)
    _ask_ledger(answer, sees)
    if sees.leases:
        _ask_leases(answer)
    if sees.sightings:
        _ask_sightings(answer)
    if sees.files:
        _ask_file(answer)
    return answer


def _ask_ledger(answer: Answer, sees: Sees) -> None:
    if not sees.ledger:
        answer.unknown.append(_("What the ledger says is not available to you."))
        return
    answer.holder = ledger.holding_at(answer.vrf, answer.ip, answer.at)
    if answer.holder is None:
        _ask_place(answer, sees)
        return
    one = answer.holder
    text = _named(one)
    answer.statements.append(Statement("ledger", text, one.line, one.since, one.until))


def _ask_place(answer: Answer, sees: Sees) -> None:
    """Nobody held it: say where it was free."""
    found = place.at(answer.vrf, answer.ip, answer.at)
    if not sees.places or not place.is_seen(found, sees.networks):
        answer.unknown.append(_("The ledger knows of nobody who held it."))
        return
    answer.place, answer.nobody = found.as_json(), found.text
    if found.subnet:
        answer.statements.append(Statement("ledger", f"{found.text}.", found.evidence))


def _ask_leases(answer: Answer) -> None:
    answer.lease = lease = network.lease_at(answer.vrf, answer.ip, answer.at)
    if lease:
        evidence = _("lease file of %s") % (lease.origin or "default")
        answer.statements.append(
            Statement("lease", _lease_text(lease), evidence, lease.started_at, lease.ended_at)
        )
        _compare(answer, lease.mac_address, _("DHCP leased it to %s") % lease.machine)
    else:
        answer.unknown.append(_("No DHCP lease of that time is known."))
    for message in network.messages(answer.ip, answer.at):
        text = f"{message.mac_address or message.duid} {message.get_kind_display()}"
        server = message.server.name if message.server else "default"
        evidence = _("dnsmasq's log of %s") % server
        answer.statements.append(Statement("dhcp_log", text, evidence, message.at, message.at))


def _ask_sightings(answer: Answer) -> None:
    found = network.sightings(answer.vrf, answer.ip, answer.at)
    for seen in found:
        who = seen.mac_address or _("somebody")
        text = _("%(who)s was seen by %(how)s") % {"who": who, "how": seen.get_source_display()}
        evidence = _("first and last sight")
        answer.statements.append(
            Statement(seen.source, text, evidence, seen.first_seen_at, seen.seen_at)
        )
        if _lasted(seen, answer.at):
            _compare(answer, seen.mac_address, text)
    if not found:
        answer.unknown.append(_("Nobody was seen at this address."))


def _ask_file(answer: Answer) -> None:
    answer.served = served = network.served(answer.vrf, answer.ip, answer.at)
    if served is None:
        answer.unknown.append(_("No DHCP file of that time is known."))
        return
    values = {"server": served.server, "number": served.generation}
    evidence = _("generation %(number)s of %(server)s") % values
    text = "; ".join(served.lines) or _("The file does not name the address.")
    answer.statements.append(Statement("file", text, evidence, served.applied_at))


def _compare(answer: Answer, mac: str | None, shown: str) -> None:
    """Note that the network has shown another machine than the ledger's."""
    if not mac:
        return
    if answer.holder is None:
        text = _("%s, but the ledger gave it to nobody.") % shown
    elif answer.holder.mac_address and answer.holder.mac_address != mac:
        text = _("%(shown)s, but the ledger gave it to %(holder)s.")
        text %= {"shown": shown, "holder": _named(answer.holder)}
    else:
        return
    if text not in answer.disagreements:
        answer.disagreements.append(text)


def _lasted(seen: Sighting, moment: datetime) -> bool:
    return seen.first_seen_at <= moment <= seen.seen_at


def _ledger_part(ip: Address, holder: Holding | None) -> str:
    if holder is None:
        return _("%s belonged to nobody that the ledger knows of") % ip
    values = {"ip": ip, "holder": _named(holder), "time": span(holder.since, holder.until)}
    return _("%(ip)s belonged to %(holder)s %(time)s") % values


def _named(holder: Holding) -> str:
    if holder.mac_address:
        return f"{holder.holder} ({holder.mac_address})"
    return holder.holder


def _lease_text(lease: Any) -> str:
    values = {"machine": lease.machine, "time": span(lease.started_at, lease.ended_at)}
    text = _("dnsmasq leased it to %(machine)s %(time)s") % values
    if lease.ended_how:
        return f"{text} ({lease.get_ended_how_display()})"
    return text


def span(since: datetime | None, until: datetime | None) -> str:
    """From when until when, in words."""
    begun = _("from %s") % _when(since) if since else _("since before anything is known")
    ended = _("until %s") % _when(until) if until else _("until now")
    return f"{begun} {ended}"


def _when(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")


def lease_json(lease: Any) -> dict[str, Any]:
    return {
        "mac_address": lease.mac_address,
        "client_id": lease.client_id,
        "hostname": lease.hostname,
        "server": lease.origin or "default",
        "from": lease.started_at,
        "until": lease.ended_at,
        "leased_until": lease.leased_until,
        "ended": lease.ended_how,
    }


def timeline_json(vrf: int | None, ip: Address, before: datetime, sees: Sees) -> dict[str, Any]:
    """All who had the address, newest first, by the ledger and by DHCP."""
    held: Sequence[Holding] = []
    more = False
    if sees.ledger:
        held, more = ledger.timeline(vrf, ip, before)
    leased = network.leases(vrf, ip, before) if sees.leases else []
    older = held[-1].since if more and held else None
    return {
        "ip": str(ip),
        "vrf": vrf,
        "holders": [one.as_json() | {"text": _named(one)} for one in held],
        "leases": list(map(lease_json, leased)),
        "older": older,
    }
